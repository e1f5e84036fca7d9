#!/bin/sh
# Runs one main class of Kafka: kafka-run-class.sh [-daemon] [-name NAME] [-loggc] CLASS [ARGUMENT...]
#
# Written for this image, because the scripts of the Apache distribution are not on Maven Central. The environment
# means the same as there: JAVA_HOME, CLASSPATH, LOG_DIR, JMX_PORT, KAFKA_HEAP_OPTS, KAFKA_JVM_PERFORMANCE_OPTS,
# KAFKA_GC_LOG_OPTS, KAFKA_JMX_OPTS, KAFKA_LOG4J_OPTS and KAFKA_OPTS.

here=$(cd "$(dirname "$0")" && pwd) || exit 1
root=${here%/bin}
service=kafka
background=no
collect=no

while :; do
  case ${1-} in
    -daemon) background=yes; shift ;;
    -loggc) collect=yes; shift ;;
    -name) service=${2:?"-name needs a name"}; shift 2 ;;
    "") echo "usage: $0 [-daemon] [-name NAME] [-loggc] CLASS [ARGUMENT...]" >&2; exit 1 ;;
    *) break ;;
  esac
done

# Jars one by one and in byte order: a wildcard follows the order of the folder, and a class-data archive is only used
# when the class path begins exactly as it did when the archive was made.
class_path=${CLASSPATH-}
for jar in $(LC_ALL=C ls "$root/libs"); do
  class_path=${class_path:+$class_path:}$root/libs/$jar
done

logs=${LOG_DIR:-$root/logs}
if [ -n "${KAFKA_LOG4J_OPTS-}" ]; then
  mkdir -p "$logs" 2>/dev/null
else
  KAFKA_LOG4J_OPTS="-Dlog4j2.configurationFile=$root/config/tools-log4j2.yaml"
fi

heap=${KAFKA_HEAP_OPTS:--Xmx256M}
performance=${KAFKA_JVM_PERFORMANCE_OPTS:--server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true}
jmx=${KAFKA_JMX_OPTS:--Dcom.sun.management.jmxremote=true -Dcom.sun.management.jmxremote.authenticate=false -Dcom.sun.management.jmxremote.ssl=false}
if [ -n "${JMX_PORT-}" ]; then
  jmx="$jmx -Dcom.sun.management.jmxremote.port=$JMX_PORT"
  case $jmx in *rmi.port*) ;; *) jmx="$jmx -Dcom.sun.management.jmxremote.rmi.port=$JMX_PORT" ;; esac
fi
collection=${KAFKA_GC_LOG_OPTS-}
if [ "$collect" = yes ] && [ -z "$collection" ]; then
  collection="-Xlog:gc*:file=$logs/$service-gc.log:time,tags:filecount=10,filesize=100M"
fi
java=java
[ -z "${JAVA_HOME-}" ] || java=$JAVA_HOME/bin/java

set -f # the options are split at blanks, but a star in them names no files
set -- $heap $performance $collection $jmx "-Dkafka.logs.dir=$logs" $KAFKA_LOG4J_OPTS -cp "$class_path" ${KAFKA_OPTS-} "$@"
set +f
if [ "$background" = yes ]; then
  mkdir -p "$logs"
  nohup "$java" "$@" >"$logs/$service.out" 2>&1 </dev/null &
  exit 0
fi
exec "$java" "$@"
