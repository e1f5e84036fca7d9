package ledger;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartitionInfo;

/**
 * Asks for leader and in-sync replicas of every partition, four times a second. Lines: `MS TOPIC PARTITION LEADER ISR`
 * for what changed (leader -1: none), then `MS ok`, or `MS fail CLASS`.
 */
final class Sampler implements Runnable {
    private static final long PERIOD_MILLIS = 250;
    private final Settings settings;
    private final Clock clock;
    private final Path file;
    private final Map<String, String> last = new HashMap<>();
    private volatile boolean ended;

    Sampler(Settings settings, Clock clock, Path folder) {
        this.settings = settings;
        this.clock = clock;
        this.file = folder.resolve("samples.txt");
    }

    void end() {
        ended = true;
    }

    @Override
    public void run() {
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(file)); Admin admin = Admin.create(settings.admin())) {
            while (!ended) {
                long started = clock.millis();
                sample(admin, out);
                out.flush();
                Thread.sleep(Math.max(1, PERIOD_MILLIS - (clock.millis() - started)));
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    private void sample(Admin admin, PrintWriter out) throws InterruptedException {
        try {
            Map<String, TopicDescription> found = admin.describeTopics(settings.topics).allTopicNames().get();
            long now = clock.millis();
            found.values().forEach(topic -> topic.partitions().forEach(part -> note(now, topic.name(), part, out)));
            out.println(now + " ok");
        } catch (ExecutionException error) {
            out.println(clock.millis() + " fail " + error.getCause().getClass().getSimpleName());
        }
    }

    private void note(long now, String topic, TopicPartitionInfo part, PrintWriter out) {
        String place = topic + " " + part.partition();
        Node leader = part.leader();
        String isr = String.join(",", part.isr().stream().map(Node::idString).toList());
        String state = (leader == null || leader.isEmpty() ? "-1" : leader.idString()) + " " + (isr.isEmpty() ? "-" : isr);
        if (!state.equals(last.put(place, state))) {
            out.println(now + " " + place + " " + state);
        }
    }
}
