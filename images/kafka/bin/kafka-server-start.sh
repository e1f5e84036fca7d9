#!/bin/sh
# Starts a node: kafka-server-start.sh [-daemon] server.properties [--override KEY=VALUE]...
here=$(cd "$(dirname "$0")" && pwd) || exit 1
if [ $# -eq 0 ]; then
  echo "usage: $0 [-daemon] server.properties [--override KEY=VALUE]..." >&2
  exit 1
fi
export KAFKA_HEAP_OPTS="${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}"
export KAFKA_LOG4J_OPTS="${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=${here%/bin}/config/log4j2.yaml}"
# Set to nothing it means: no extra arguments.
extra=${EXTRA_ARGS-"-name kafkaServer -loggc"}
if [ "$1" = -daemon ]; then
  extra="-daemon $extra"
  shift
fi
exec "$here/kafka-run-class.sh" $extra kafka.Kafka "$@"
