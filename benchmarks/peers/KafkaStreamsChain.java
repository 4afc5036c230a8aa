import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The chain from payment to alert in Kafka Streams.
 *
 * <p>Arguments: properties file, input topic, alerts topic, file of accounts with a case,
 * partitions, whether the look-back store has a changelog.
 */
public final class KafkaStreamsChain {
    private static final Duration LOOK_BACK = Duration.ofHours(72);
    private static final String STORE = "look-back";

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final ObjectReader PAYMENTS = JSON.readerFor(Payment.class);
    private static final ObjectWriter ALERTS = JSON.writerFor(Alert.class);

    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class Party {
        public String bank;
        public String account;

        String key() {
            return "account:" + bank + ":" + account;
        }
    }

    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class Payment {
        public String source;
        @JsonProperty("transaction_id") public String transactionId;
        @JsonProperty("occurred_at") public String occurredAt;
        public Party payer;
        public Party payee;
        @JsonProperty("amount_satang") public long amount;
        @JsonProperty("payer_balance_satang") public long payerBalance = Posting.NO_BALANCE;
        @JsonProperty("payee_balance_satang") public long payeeBalance = Posting.NO_BALANCE;
    }

    public static final class Alert {
        public final String origin;
        public final String kind = "hold";
        public final String account;
        @JsonProperty("amount_satang") public final long amount;

        Alert(String account, Posting posting) {
            this.origin = posting.origin;
            this.account = account;
            this.amount = posting.amount;
        }
    }

    /** One line in an account's book, as 24 bytes and two texts; the account is the key. */
    private record Posting(
            String origin, long at, long amount, String counterparty, long balance) {
        static final long NO_BALANCE = Long.MIN_VALUE;

        byte[] bytes() {
            byte[] from = origin.getBytes(StandardCharsets.UTF_8);
            byte[] with = counterparty.getBytes(StandardCharsets.UTF_8);
            return ByteBuffer.allocate(28 + from.length + with.length)
                    .putLong(at).putLong(amount).putLong(balance)
                    .putShort((short) from.length).put(from)
                    .putShort((short) with.length).put(with)
                    .array();
        }

        static Posting of(byte[] bytes) {
            ByteBuffer in = ByteBuffer.wrap(bytes);
            long at = in.getLong();
            long amount = in.getLong();
            long balance = in.getLong();
            return new Posting(text(in), at, amount, text(in), balance);
        }

        private static String text(ByteBuffer in) {
            int length = in.getShort();
            String found = new String(in.array(), in.position(), length, StandardCharsets.UTF_8);
            in.position(in.position() + length);
            return found;
        }
    }

    /** Keeps every posting for the look-back time, and alerts where the account has a case. */
    private static final class LookBack implements Processor<String, Posting, String, byte[]> {
        private final Set<String> cases;
        private ProcessorContext<String, byte[]> context;
        private WindowStore<String, Posting> store;

        LookBack(Set<String> cases) {
            this.cases = cases;
        }

        @Override
        public void init(ProcessorContext<String, byte[]> context) {
            this.context = context;
            this.store = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<String, Posting> record) {
            Posting posting = record.value();
            store.put(record.key(), posting, posting.at());
            if (cases.contains(record.key())) {
                context.forward(record.withValue(alert(record.key(), posting)));
            }
        }
    }

    private static Payment payment(byte[] value) {
        try {
            return PAYMENTS.readValue(value);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static byte[] alert(String account, Posting posting) {
        try {
            return ALERTS.writeValueAsBytes(new Alert(account, posting));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static List<KeyValue<String, Posting>> postings(Payment payment) {
        String payer = payment.payer.key();
        String payee = payment.payee.key();
        String origin = payment.source + "/" + payment.transactionId;
        long at = OffsetDateTime.parse(payment.occurredAt).toInstant().toEpochMilli();
        long amount = payment.amount;
        return List.of(
                KeyValue.pair(payer, new Posting(origin, at, -amount, payee, payment.payerBalance)),
                KeyValue.pair(payee, new Posting(origin, at, amount, payer, payment.payeeBalance)));
    }

    private static StreamsBuilder chain(
            String input, String alerts, Set<String> cases, int partitions, boolean changelog) {
        Serde<Posting> postingSerde = Serdes.serdeFrom(
                (topic, posting) -> posting == null ? null : posting.bytes(),
                (topic, bytes) -> bytes == null ? null : Posting.of(bytes));
        Serde<Payment> paymentSerde = Serdes.serdeFrom(
                (topic, payment) -> {
                    throw new UnsupportedOperationException("payments are only read");
                },
                (topic, bytes) -> payment(bytes));
        StoreBuilder<WindowStore<String, Posting>> store = Stores.windowStoreBuilder(
                        Stores.persistentWindowStore(STORE, LOOK_BACK, Duration.ofMinutes(1), true),
                        Serdes.String(),
                        postingSerde)
                .withCachingDisabled();
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(changelog ? store : store.withLoggingDisabled());
        builder.stream(input, Consumed.with(Serdes.ByteArray(), paymentSerde))
                .flatMap((key, payment) -> postings(payment))
                .repartition(Repartitioned.with(Serdes.String(), postingSerde)
                        .withName("postings")
                        .withNumberOfPartitions(partitions))
                .process(() -> new LookBack(cases), STORE)
                .to(alerts, Produced.with(Serdes.String(), Serdes.ByteArray()));
        return builder;
    }

    public static void main(String[] arguments) throws IOException {
        Properties settings = new Properties();
        try (var reader = Files.newBufferedReader(Path.of(arguments[0]))) {
            settings.load(reader);
        }
        Set<String> cases = new HashSet<>(Files.readAllLines(Path.of(arguments[3])));
        StreamsBuilder builder = chain(
                arguments[1],
                arguments[2],
                cases,
                Integer.parseInt(arguments[4]),
                Boolean.parseBoolean(arguments[5]));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(5))));
        streams.start();
    }
}
