package ledger;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** One record in each topic, so that who may read has something to read. */
final class Seed {
    private Seed() {}

    static void run(Path settings, List<String> topics) throws Exception {
        Properties properties = Settings.load(settings);
        ByteArraySerializer bytes = new ByteArraySerializer();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties, bytes, bytes)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (String topic : topics) {
                sent.add(producer.send(new ProducerRecord<>(topic, topic.getBytes(StandardCharsets.UTF_8))));
            }
            for (Future<RecordMetadata> one : sent) {
                one.get();
            }
        }
    }
}
