#!/bin/sh
# Training run for the class-data archives, inside a chroot of the image in a network of its own: formats, starts and
# uses one node, and leaves /archive/storage.jsa (StorageTool) and /archive/kafka.jsa (server).
set -e
busybox ip link set lo up
hostname localhost
echo '127.0.0.1 localhost' >/etc/hosts
cd /tmp
sed -e 's#^log.dirs=.*#log.dirs=/tmp/data#' /opt/kafka/config/server.properties >node.properties
export LOG_DIR=/tmp/logs EXTRA_ARGS= KAFKA_HEAP_OPTS=-Xmx512m KAFKA_JMX_OPTS=" "
record() { export KAFKA_OPTS="-Xlog:cds*=error -Xlog:aot*=error -XX:ArchiveClassesAtExit=/archive/$1"; }

record storage.jsa
/opt/kafka/bin/kafka-storage.sh format --standalone --cluster-id=AAAAAAAAQACAAAAAAAAAAQ --config=node.properties
record kafka.jsa
/opt/kafka/bin/kafka-server-start.sh node.properties >server.log 2>&1 &
server=$!
unset KAFKA_OPTS
tenths=0
until grep -q 'Kafka Server started' server.log; do
  tenths=$((tenths + 1))
  if [ $tenths -gt 1200 ]; then cat server.log >&2; exit 1; fi
  sleep 0.1
done
# Traffic loads the classes of the request path as well.
if ls /opt/kafka/libs/kafka-tools-[0-9]*.jar >/dev/null 2>&1; then
  at=127.0.0.1:9092
  /opt/kafka/bin/kafka-topics.sh --bootstrap-server $at --create --topic t --partitions 2 >/dev/null
  /opt/kafka/bin/kafka-producer-perf-test.sh --topic t --num-records 1000 --record-size 100 --throughput -1 \
    --command-property bootstrap.servers=$at >/dev/null
  /opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server $at --topic t --group g --from-beginning --max-messages 1000 >/dev/null 2>&1
fi
kill -TERM $server
# 143 is how a JVM ends after SIGTERM.
wait $server || [ $? = 143 ]
test -s /archive/kafka.jsa
test -s /archive/storage.jsa
