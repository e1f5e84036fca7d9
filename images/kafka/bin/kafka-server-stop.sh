#!/bin/sh
# Sends SIGNAL (default TERM) to every Kafka server of this process namespace.
stopped=no
for process in /proc/[0-9]*; do
  if tr '\0' '\n' <"$process/cmdline" 2>/dev/null | grep -qx 'kafka\.Kafka'; then
    kill -s "${SIGNAL:-TERM}" "${process#/proc/}" && stopped=yes
  fi
done
[ "$stopped" = yes ] || { echo "No kafka server to stop" >&2; exit 1; }
