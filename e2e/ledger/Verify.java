package ledger;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** A fresh reader: every record from the start of each partition's log to its high watermark. */
final class Verify {
    private static final Duration ANSWER = Duration.ofSeconds(30);
    private static final long STANDSTILL_NANOS = 60_000_000_000L;

    private Verify() {}

    static void run(Settings settings, Path folder) throws Exception {
        Path file = folder.resolve("read.bin");
        Files.deleteIfExists(file);
        StringBuilder ranges = new StringBuilder();
        try (Rows rows = new Rows(file); Consumer<byte[], byte[]> client = new KafkaConsumer<>(settings.consumer())) {
            client.assign(settings.partitions);
            Map<TopicPartition, Long> starts = client.beginningOffsets(settings.partitions, ANSWER);
            Map<TopicPartition, Long> ends = client.endOffsets(settings.partitions, ANSWER);
            client.seekToBeginning(settings.partitions);
            read(settings, client, ends, rows);
            for (TopicPartition part : settings.partitions) {
                ranges.append(settings.topicIndex(part.topic())).append(' ').append(part.partition()).append(' ');
                ranges.append(starts.get(part)).append(' ').append(ends.get(part)).append('\n');
            }
        }
        Files.writeString(folder.resolve("ranges.txt"), ranges);
    }

    private static void read(Settings settings, Consumer<byte[], byte[]> client, Map<TopicPartition, Long> ends, Rows rows) {
        long progress = System.nanoTime();
        while (!complete(client, ends)) {
            var batch = client.poll(Duration.ofMillis(500));
            for (ConsumerRecord<byte[], byte[]> record : batch) {
                if (record.offset() < ends.get(new TopicPartition(record.topic(), record.partition()))) {
                    rows.seen(settings, record, 0);
                }
            }
            if (!batch.isEmpty()) {
                progress = System.nanoTime();
            } else if (System.nanoTime() - progress > STANDSTILL_NANOS) {
                throw new IllegalStateException("no record came for a minute, short of the end offsets " + ends);
            }
        }
    }

    private static boolean complete(Consumer<byte[], byte[]> client, Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream().allMatch(end -> client.position(end.getKey(), ANSWER) >= end.getValue());
    }
}
