package ledger;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ApiException;

/** The consumer group's one member: reads along while records are written, and notes when it saw what. */
final class Tail implements Runnable {
    /** How long it may go on to reach the end once nothing is written any more. */
    private static final long PATIENCE_MILLIS = 60_000;
    private final Settings settings;
    private final Clock clock;
    private final Rows rows;
    private final Map<String, Long> errors = new ConcurrentHashMap<>();
    private volatile long deadline = Long.MAX_VALUE;

    Tail(Settings settings, Clock clock, Path folder) {
        this.settings = settings;
        this.clock = clock;
        this.rows = new Rows(folder.resolve("tail.bin"));
    }

    /** Nothing is written any more: read to the end, then finish. */
    void end() {
        deadline = clock.millis() + PATIENCE_MILLIS;
    }

    Map<String, Long> errors() {
        return new TreeMap<>(errors);
    }

    @Override
    public void run() {
        var configuration = settings.consumer();
        configuration.setProperty("group.id", settings.group);
        try (rows; Consumer<byte[], byte[]> client = new KafkaConsumer<>(configuration)) {
            client.subscribe(settings.topics);
            boolean complete = false;
            while (!complete && clock.millis() < deadline) {
                var batch = poll(client);
                long now = clock.millis();
                for (ConsumerRecord<byte[], byte[]> record : batch) {
                    rows.seen(settings, record, now);
                }
                rows.tick();
                complete = deadline != Long.MAX_VALUE && batch.isEmpty() && atEnd(client);
            }
        }
    }

    /** Errors that the client gives to the application are counted, and it tries again. */
    private ConsumerRecords<byte[], byte[]> poll(Consumer<byte[], byte[]> client) {
        try {
            return client.poll(Duration.ofMillis(200));
        } catch (ApiException error) {
            errors.merge("consumer." + error.getClass().getSimpleName(), 1L, Long::sum);
            Load.pause(200_000_000L);
            return ConsumerRecords.empty();
        }
    }

    private boolean atEnd(Consumer<byte[], byte[]> client) {
        try {
            Duration patience = Duration.ofSeconds(5);
            Map<TopicPartition, Long> ends = client.endOffsets(client.assignment(), patience);
            return ends.size() == settings.partitions.size()
                    && ends.entrySet().stream().allMatch(end -> client.position(end.getKey(), patience) >= end.getValue());
        } catch (KafkaException unknown) {
            return false;
        }
    }
}
