package ledger;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialAlteration;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** How many users (a SCRAM credential and three ACLs each) and topics per second Kafka itself takes from its own client. */
final class Ceiling {
    private static final int USERS = 200;
    private static final int TOPICS = 100;

    private Ceiling() {}

    static void run(Path settings, int users, int topics) throws Exception {
        Properties properties = Settings.load(settings);
        try (Admin admin = Admin.create(properties)) {
            long started = System.nanoTime();
            for (int first = 0; first < users; first += USERS) {
                users(admin, first, Math.min(first + USERS, users));
            }
            say("users_per_second", users, started);
            started = System.nanoTime();
            for (int first = 0; first < topics; first += TOPICS) {
                topics(admin, first, Math.min(first + TOPICS, topics));
            }
            say("topics_per_second", topics, started);
            end(admin, users, topics);
        }
    }

    private static void say(String name, int count, long started) {
        System.out.println(name + " " + count / ((System.nanoTime() - started) / 1e9));
    }

    private static void users(Admin admin, int first, int end) throws Exception {
        List<UserScramCredentialAlteration> credentials = new ArrayList<>();
        List<AclBinding> rights = new ArrayList<>();
        for (int number = first; number < end; number++) {
            ScramCredentialInfo info = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096);
            credentials.add(new UserScramCredentialUpsertion("ceiling-" + number, info, "a-password-" + number));
            rights.addAll(rights(number));
        }
        admin.alterUserScramCredentials(credentials).all().get();
        admin.createAcls(rights).all().get();
    }

    private static Collection<AclBinding> rights(int number) {
        String name = "ceiling-" + number;
        List<AclBinding> rights = new ArrayList<>();
        for (AclOperation operation : List.of(AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE)) {
            rights.add(new AclBinding(
                    new ResourcePattern(ResourceType.TOPIC, name, PatternType.LITERAL),
                    new AccessControlEntry("User:" + name, "*", operation, AclPermissionType.ALLOW)));
        }
        return rights;
    }

    private static void topics(Admin admin, int first, int end) throws Exception {
        List<NewTopic> topics = new ArrayList<>();
        for (int number = first; number < end; number++) {
            topics.add(new NewTopic("ceiling-" + number, Optional.of(1), Optional.of((short) 1)));
        }
        admin.createTopics(topics).all().get();
    }

    private static void end(Admin admin, int users, int topics) throws Exception {
        List<UserScramCredentialAlteration> credentials = new ArrayList<>();
        List<AclBindingFilter> rights = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (int number = 0; number < users; number++) {
            credentials.add(new UserScramCredentialDeletion("ceiling-" + number, ScramMechanism.SCRAM_SHA_512));
            rights(number).forEach(right -> rights.add(right.toFilter()));
        }
        for (int number = 0; number < topics; number++) {
            names.add("ceiling-" + number);
        }
        for (int first = 0; first < names.size(); first += TOPICS) {
            admin.deleteTopics(names.subList(first, Math.min(first + TOPICS, names.size()))).all().get();
        }
        for (int first = 0; first < credentials.size(); first += USERS) {
            admin.alterUserScramCredentials(credentials.subList(first, Math.min(first + USERS, credentials.size()))).all().get();
            admin.deleteAcls(rights.subList(first * 3, Math.min((first + USERS) * 3, rights.size()))).all().get();
        }
    }
}
