//! `log4j2.yaml`: everything to standard output, times in UTC, and the authorizer's decisions as the audit log.

use crate::api::Audit;

/// The file's text. The authorizer logs refusals at INFO and permissions at DEBUG.
pub fn log4j2(audit: Audit) -> String {
    let authorizer = match audit {
        Audit::Denied => "INFO",
        Audit::All => "DEBUG",
    };
    format!(
        r#"Configuration:
  status: WARN
  Appenders:
    Console:
      name: STDOUT
      target: SYSTEM_OUT
      PatternLayout:
        pattern: "%d{{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}}{{UTC}} %p %m (%c)%n"
  Loggers:
    Root:
      level: INFO
      AppenderRef:
      - ref: STDOUT
    Logger:
    - name: kafka.authorizer.logger
      level: {authorizer}
    - name: kafka.request.logger
      level: WARN
    - name: kafka.network.RequestChannel$
      level: WARN
    - name: org.apache.kafka.common.utils.AppInfoParser
      level: WARN
    - name: org.apache.kafka.clients.admin.AdminClientConfig
      level: WARN
"#
    )
}
