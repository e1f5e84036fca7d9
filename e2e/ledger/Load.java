package ledger;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;

/** One producer at a steady rate over all partitions in turn, and its part of the ledger. */
final class Load implements Runnable {
    final int producer;
    private static final long TICK_NANOS = 5_000_000L;
    /** Until every partition has answered: a queue from the start would be measured long after it. */
    private static final long WARMING_NANOS = 20_000_000L;
    private final Settings settings;
    private final Clock clock;
    private final Stop stop;
    private final Rows rows;
    private final Set<TopicPartition> acked = ConcurrentHashMap.newKeySet();
    private final Map<String, Long> errors = new ConcurrentHashMap<>();
    private long sequence;

    Load(Settings settings, int producer, Clock clock, Stop stop, Path folder) {
        this.settings = settings;
        this.producer = producer;
        this.clock = clock;
        this.stop = stop;
        this.rows = new Rows(folder.resolve("sent-" + producer + ".bin"));
    }

    /** Whether every partition has acknowledged a record of this producer. */
    boolean flows() {
        return acked.size() == settings.partitions.size();
    }

    Map<String, Long> errors() {
        return new TreeMap<>(errors);
    }

    @Override
    public void run() {
        try (rows; Producer<byte[], byte[]> client = new KafkaProducer<>(settings.producer())) {
            long nanosPerRecord = 1_000_000_000L * settings.producers / settings.rate;
            long due = clock.nanos();
            while (!stop.asked()) {
                long now = clock.nanos();
                // What could not be sent in time is left out: a burst would measure itself.
                due = Math.max(due, now - 20 * TICK_NANOS);
                while (due <= now) {
                    send(client);
                    due += flows() ? nanosPerRecord : Math.max(nanosPerRecord, WARMING_NANOS);
                }
                rows.tick();
                pause(due - clock.nanos());
            }
            client.flush();
            client.close(Duration.ofSeconds(150));
        }
    }

    private void send(Producer<byte[], byte[]> client) {
        TopicPartition to = settings.partitions.get((int) (sequence % settings.partitions.size()));
        Payload what = Payload.of(producer, settings.topicIndex(to.topic()), to.partition(), sequence);
        sequence++;
        long sent = clock.nanos();
        // Failures of every kind come through the callback, also those before anything left this process.
        client.send(new ProducerRecord<>(to.topic(), to.partition(), what.key(), what.value(settings.bytes)),
                (metadata, error) -> ended(what, to, sent, metadata, error));
    }

    private void ended(Payload what, TopicPartition to, long sent, RecordMetadata metadata, Exception error) {
        long took = (clock.nanos() - sent) / 1000;
        if (error == null) {
            rows.sent(what, 0, metadata.hasOffset() ? metadata.offset() : -1, sent / 1_000_000, took);
            acked.add(to);
        } else {
            rows.sent(what, 1, -1, sent / 1_000_000, took);
            errors.merge(error.getClass().getSimpleName(), 1L, Long::sum);
        }
    }

    static void pause(long nanos) {
        try {
            Thread.sleep(Duration.ofNanos(Math.max(nanos, TICK_NANOS)).toMillis());
        } catch (InterruptedException ended) {
            throw new IllegalStateException(ended);
        }
    }
}
