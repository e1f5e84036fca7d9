package ledger;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.TopicPartition;

/** The settings file, and the client configurations that follow from it and from the mounted credentials. */
final class Settings {
    final List<String> topics = new ArrayList<>();
    /** Every partition of every topic, by topic, then by number. */
    final List<TopicPartition> partitions = new ArrayList<>();
    final int producers;
    final int rate;
    final int bytes;
    final String group;
    final String acks;
    private final Properties credentials;
    private final Properties extra = new Properties();

    private Settings(Properties all) throws IOException {
        for (String topic : all.getProperty("topics").split(",")) {
            String[] parts = topic.split(":");
            topics.add(parts[0]);
            for (int partition = 0; partition < Integer.parseInt(parts[1]); partition++) {
                partitions.add(new TopicPartition(parts[0], partition));
            }
        }
        producers = Integer.parseInt(all.getProperty("producers"));
        rate = Integer.parseInt(all.getProperty("rate"));
        bytes = Integer.parseInt(all.getProperty("bytes"));
        group = all.getProperty("group");
        acks = all.getProperty("acks");
        Path secret = Path.of(all.getProperty("secret"));
        credentials = load(secret.resolve("client.properties"));
        credentials.setProperty("bootstrap.servers", Files.readString(secret.resolve("bootstrap.servers")).trim());
        all.stringPropertyNames().stream()
                .filter(name -> name.startsWith("producer."))
                .forEach(name -> extra.setProperty(name.substring("producer.".length()), all.getProperty(name)));
    }

    static Settings read(Path file) throws IOException {
        return new Settings(load(file));
    }

    static Properties load(Path file) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        }
        return properties;
    }

    int topicIndex(String topic) {
        return topics.indexOf(topic);
    }

    Properties producer() {
        Properties all = bytesOf("serializer", "ByteArraySerializer");
        all.setProperty("acks", acks);
        all.setProperty("enable.idempotence", Boolean.toString(acks.equals("all")));
        all.setProperty("max.in.flight.requests.per.connection", "5");
        all.setProperty("delivery.timeout.ms", "120000");
        all.setProperty("linger.ms", "5");
        all.setProperty("buffer.memory", "16777216");
        all.putAll(extra);
        return all;
    }

    Properties consumer() {
        Properties all = bytesOf("deserializer", "ByteArrayDeserializer");
        all.setProperty("isolation.level", "read_committed");
        all.setProperty("auto.offset.reset", "earliest");
        all.setProperty("fetch.max.bytes", "4194304");
        all.setProperty("max.partition.fetch.bytes", "524288");
        return all;
    }

    Properties admin() {
        Properties all = new Properties();
        all.putAll(credentials);
        all.setProperty("request.timeout.ms", "1500");
        all.setProperty("default.api.timeout.ms", "2000");
        all.setProperty("reconnect.backoff.max.ms", "200");
        all.setProperty("socket.connection.setup.timeout.ms", "1000");
        return all;
    }

    private Properties bytesOf(String role, String type) {
        Properties all = new Properties();
        all.putAll(credentials);
        for (String part : new String[] {"key.", "value."}) {
            all.setProperty(part + role, "org.apache.kafka.common.serialization." + type);
        }
        return all;
    }
}
