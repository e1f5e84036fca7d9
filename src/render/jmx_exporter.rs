//! `jmx-exporter.yaml`: which of Kafka's MBeans become metrics, and how they're called. Per-partition beans are left out:
//! their number grows with the cluster and what they say is in the aggregates and in the resource's status. The agent adds
//! the JVM's metrics by itself.

/// The file's text. The first rule that matches names the metric; what matches none isn't exported. No rule looks at values, so
/// which rule a name matches is found out once: without that, a scrape costs a busy JVM seconds.
pub const JMX_EXPORTER: &str = r#"lowercaseOutputName: true
lowercaseOutputLabelNames: true
startDelaySeconds: 0
includeObjectNames:
- "kafka.controller:*"
- "kafka.coordinator.*:*"
- "kafka.log:*"
- "kafka.network:*"
- "kafka.server:*"
- "kafka.utils:*"
excludeObjectNames:
- "kafka.log:type=Log,*"
- "kafka.cluster:*"
- "kafka.server:type=FetcherStats,*"
- "kafka.server:type=app-info,*"
- "kafka.network:type=RequestMetrics,name=ResponseSendTimeMs,*"
- "kafka.network:type=RequestMetrics,name=ThrottleTimeMs,*"
rules:
# Percentiles of histograms, as one metric with a label.
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+), (.+)=(.+), (.+)=(.+)><>(50|99|999)thPercentile"
  cache: true
  name: kafka_$1_$2_$3
  type: GAUGE
  labels: {"$4": "$5", "$6": "$7", quantile: "0.$8"}
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+), (.+)=(.+)><>(50|99|999)thPercentile"
  cache: true
  name: kafka_$1_$2_$3
  type: GAUGE
  labels: {"$4": "$5", quantile: "0.$6"}
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+)><>(50|99|999)thPercentile"
  cache: true
  name: kafka_$1_$2_$3
  type: GAUGE
  labels: {quantile: "0.$4"}
# How idle the handler pools are is a rate of a meter.
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+)Percent\\w*><>(MeanRate|OneMinuteRate)"
  cache: true
  name: kafka_$1_$2_$3_percent
  type: GAUGE
  labels: {rate: "$4"}
# Meters and histograms: the count, from which Prometheus makes rates.
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+)PerSec\\w*, (.+)=(.+), (.+)=(.+)><>Count"
  cache: true
  name: kafka_$1_$2_$3_total
  type: COUNTER
  labels: {"$4": "$5", "$6": "$7"}
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+)PerSec\\w*, (.+)=(.+)><>Count"
  cache: true
  name: kafka_$1_$2_$3_total
  type: COUNTER
  labels: {"$4": "$5"}
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+)PerSec\\w*><>Count"
  cache: true
  name: kafka_$1_$2_$3_total
  type: COUNTER
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+), (.+)=(.+), (.+)=(.+)><>Count"
  cache: true
  name: kafka_$1_$2_$3_count
  type: COUNTER
  labels: {"$4": "$5", "$6": "$7"}
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+), (.+)=(.+)><>Count"
  cache: true
  name: kafka_$1_$2_$3_count
  type: COUNTER
  labels: {"$4": "$5"}
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+)><>Count"
  cache: true
  name: kafka_$1_$2_$3_count
  type: COUNTER
# Gauges.
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+), (.+)=(.+), (.+)=(.+)><>Value"
  cache: true
  name: kafka_$1_$2_$3
  type: GAUGE
  labels: {"$4": "$5", "$6": "$7"}
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+), (.+)=(.+)><>Value"
  cache: true
  name: kafka_$1_$2_$3
  type: GAUGE
  labels: {"$4": "$5"}
- pattern: "kafka\\.([\\w.]+)<type=(.+), name=(.+)><>Value"
  cache: true
  name: kafka_$1_$2_$3
  type: GAUGE
# Beans of Kafka's own metrics library: the quorum, and connections by listener.
- pattern: "kafka.server<type=raft-metrics><>([a-z-]+)"
  cache: true
  name: kafka_server_raft_metrics_$1
  type: GAUGE
- pattern: "kafka.server<type=(broker-metadata-metrics|MetadataLoader|SnapshotEmitter)><>([a-z-]+)"
  cache: true
  name: kafka_server_$1_$2
  type: GAUGE
- pattern: "kafka.server<type=socket-server-metrics, listener=(.+), networkProcessor=(.+)><>(connection-count|connection-creation-rate|failed-authentication-rate|successful-authentication-rate|expired-connections-killed-count)"
  cache: true
  name: kafka_server_socket_server_metrics_$3
  type: GAUGE
  labels: {listener: "$1", network_processor: "$2"}
"#;
