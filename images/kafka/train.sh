#!/bin/sh
# Training run for the class-data archives, inside a chroot of the image in a network of its own: formats, starts and
# uses one node, and leaves /archive/storage.jsa (StorageTool), /archive/kafka.jsa (server) and, where the image has the
# client tools, /archive/tools.jsa (all of those). The node has TLS, SCRAM and the authorizer, as production nodes have, so
# that their classes are in the archive. /training holds its certificate.
set -e
busybox ip link set lo up
hostname localhost
echo '127.0.0.1 localhost' >/etc/hosts
cd /tmp
cat >node.properties <<'END'
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9090
listeners=CONTROLLER://:9090,REPLICATION://:9091,SCRAM://:9094
advertised.listeners=CONTROLLER://localhost:9090,REPLICATION://localhost:9091,SCRAM://localhost:9094
controller.listener.names=CONTROLLER
inter.broker.listener.name=REPLICATION
listener.security.protocol.map=CONTROLLER:SSL,REPLICATION:SSL,SCRAM:SASL_SSL
ssl.enabled.protocols=TLSv1.3
ssl.keystore.type=PEM
ssl.keystore.location=/training/node.pem
ssl.truststore.type=PEM
ssl.truststore.location=/training/ca.crt
listener.name.controller.ssl.client.auth=required
listener.name.replication.ssl.client.auth=required
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:CN=training
log.dirs=/tmp/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
END
cat >client.properties <<'END'
security.protocol=SSL
ssl.keystore.type=PEM
ssl.keystore.location=/training/node.pem
ssl.truststore.type=PEM
ssl.truststore.location=/training/ca.crt
END
cat >scram.properties <<'END'
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p";
ssl.truststore.type=PEM
ssl.truststore.location=/training/ca.crt
END
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
  count=0
  # One tool with the serial collector, as short-lived tools should have; what it loads goes into a list.
  tool() {
    count=$((count + 1))
    KAFKA_JVM_PERFORMANCE_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC" \
      KAFKA_OPTS="-Xshare:off -XX:DumpLoadedClassList=/tmp/classes.$count" "/opt/kafka/bin/$@" >tool.log 2>&1 ||
      { echo "$@" >&2; cat tool.log >&2; exit 1; }
  }
  mutual="--bootstrap-server localhost:9091 --command-config client.properties"
  tool kafka-topics.sh $mutual --create --topic t --partitions 2
  tool kafka-producer-perf-test.sh --topic t --num-records 1000 --record-size 100 --throughput -1 $mutual
  tool kafka-console-consumer.sh $mutual --topic t --group g --from-beginning --max-messages 1000
  tool kafka-topics.sh $mutual --describe
  tool kafka-broker-api-versions.sh $mutual
  tool kafka-configs.sh $mutual --alter --entity-type users --entity-name u --add-config SCRAM-SHA-512=[iterations=4096,password=p]
  tool kafka-acls.sh $mutual --add --allow-principal User:u --operation All --topic '*' --group '*'
  tool kafka-acls.sh $mutual --list
  tool kafka-metadata-quorum.sh $mutual describe --status
  password="--bootstrap-server localhost:9094 --command-config scram.properties"
  echo x >record
  tool kafka-console-producer.sh $password --topic t <record
  tool kafka-console-consumer.sh $password --topic t --group h --from-beginning --max-messages 10
  # Without the numbers that differ from list to list, and without classes of loaders other than the JVM's own.
  cat classes.* | grep -v ' source: ' | sed 's/ id: [0-9]*$//' | LC_ALL=C sort -u >classes
  KAFKA_JVM_PERFORMANCE_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC" \
    KAFKA_OPTS="-Xlog:cds*=error -Xlog:aot*=error -Xshare:dump -XX:SharedClassListFile=/tmp/classes -XX:SharedArchiveFile=/archive/tools.jsa" \
    /opt/kafka/bin/kafka-run-class.sh org.apache.kafka.tools.TopicCommand
  test -s /archive/tools.jsa
fi
kill -TERM $server
# 143 is how a JVM ends after SIGTERM.
wait $server || [ $? = 143 ]
test -s /archive/kafka.jsa
test -s /archive/storage.jsa
