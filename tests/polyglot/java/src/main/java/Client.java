import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import keelson.documents.v1.DocumentServiceGrpc;
import keelson.documents.v1.DocumentServiceGrpc.DocumentServiceBlockingStub;
import keelson.documents.v1.DocumentServiceOuterClass.CreateDocumentRequest;
import keelson.documents.v1.DocumentServiceOuterClass.Document;
import keelson.documents.v1.DocumentServiceOuterClass.DocumentItem;
import keelson.documents.v1.DocumentServiceOuterClass.GetDocumentRequest;
import keelson.documents.v1.DocumentServiceOuterClass.ImportDocumentsRequest;
import keelson.documents.v1.DocumentServiceOuterClass.ImportDocumentsResponse;
import keelson.documents.v1.DocumentServiceOuterClass.ListDocumentsRequest;
import keelson.documents.v1.DocumentServiceOuterClass.QueryDocumentsRequest;

/** A client as a Java team would write it, from code that protoc and protoc-gen-grpc-java generate of Keelson's contracts. */
public class Client {
  private static final String PARENT = "collections/polyglot";
  private static final String IMPORTED = "collections/polyglot-java";
  private static final String TEXT = "h\u00e9llo \ud83d\ude00";
  private static final List<String> HOSTILE =
      List.of("a % b %25", "caf\u00e9 \ud83d\ude00", "line\nbreak\ttab", "nul\0byte", "\u00e9".repeat(300));
  private static final int TIMEOUT_S = 30;

  private final ManagedChannel channel;
  private final Metadata token = new Metadata();

  public static void main(String[] args) throws Exception {
    var channel = ManagedChannelBuilder.forTarget(System.getenv("POLYGLOT_ADDRESS")).usePlaintext().build();
    new Client(channel).run();
    channel.shutdown().awaitTermination(TIMEOUT_S, TimeUnit.SECONDS);
    System.out.println("java client: all is well");
  }

  private Client(ManagedChannel channel) {
    this.channel = channel;
    token.put(
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
        "Bearer " + System.getenv("POLYGLOT_TOKEN"));
  }

  private void run() throws Exception {
    unary();
    failures();
    deadlines();
    texts();
    clientStream();
    serverStreams();
    bothWays();
  }

  private void unary() {
    var fields = Struct.newBuilder().putFields("text", text(TEXT)).putFields("n", number(1.5));
    var document = Document.newBuilder().setFields(fields);
    var creation = CreateDocumentRequest.newBuilder().setParent(PARENT).setDocumentId("java").setDocument(document);
    var created = authorized().createDocument(creation.build());
    var read = authorized().getDocument(named(created.getName()));
    want("what was written", read.getFields().getFieldsOrThrow("text").getStringValue(), TEXT);
    var query = ListDocumentsRequest.newBuilder().setParent(PARENT).setFilter("fields.n > 1");
    want("whether any is found", authorized().listDocuments(query.build()).getDocumentsCount() > 0, true);
  }

  private void failures() throws InvalidProtocolBufferException {
    var missing = failure(() -> authorized().getDocument(named(PARENT + "/documents/missing")));
    want("code of a missing document", missing.getStatus().getCode(), Status.Code.NOT_FOUND);
    want("its reason", detail(missing, ErrorInfo.class).getReason(), "RESOURCE_NOT_FOUND");

    var bad = failure(() -> authorized().getDocument(named("nonsense")));
    want("code of a bad name", bad.getStatus().getCode(), Status.Code.INVALID_ARGUMENT);
    want("its field", detail(bad, BadRequest.class).getFieldViolations(0).getField(), "name");

    var anonymous = failure(() -> documents().getDocument(named(PARENT + "/documents/java")));
    want("code without a token", anonymous.getStatus().getCode(), Status.Code.UNAUTHENTICATED);
  }

  private void deadlines() {
    var name = named(PARENT + "/documents/java");
    var late = failure(() -> authorized().withDeadlineAfter(1, TimeUnit.NANOSECONDS).getDocument(name));
    want("code after the deadline", late.getStatus().getCode(), Status.Code.DEADLINE_EXCEEDED);
    authorized().withDeadlineAfter(30, TimeUnit.DAYS).getDocument(name);

    var watch = HealthGrpc.newBlockingStub(channel).withDeadlineAfter(500, TimeUnit.MILLISECONDS);
    var ended = failure(() -> watch.watch(HealthCheckRequest.getDefaultInstance()).forEachRemaining(answer -> {}));
    want("code after the deadline of a stream", ended.getStatus().getCode(), Status.Code.DEADLINE_EXCEEDED);
  }

  /** What no header can hold comes back in an error as it was sent. */
  private void texts() {
    var health = HealthGrpc.newBlockingStub(channel).withDeadlineAfter(TIMEOUT_S, TimeUnit.SECONDS);
    for (var hostile : HOSTILE) {
      var error = failure(() -> health.check(HealthCheckRequest.newBuilder().setService(hostile).build()));
      want("code for a hostile text", error.getStatus().getCode(), Status.Code.NOT_FOUND);
      want("hostile text in the message", error.getStatus().getDescription().contains(hostile), true);
      want("hostile text in the status", StatusProto.fromThrowable(error).getMessage().contains(hostile), true);
    }
  }

  private void clientStream() throws Exception {
    var answers = new Answers<ImportDocumentsResponse>();
    var items = DocumentServiceGrpc.newStub(channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(token))
        .withDeadlineAfter(TIMEOUT_S, TimeUnit.SECONDS)
        .importDocuments(answers);
    for (var id : List.of("one", "two", "three")) {
      var item = DocumentItem.newBuilder().setDocumentId(id).setFields(Struct.getDefaultInstance());
      items.onNext(ImportDocumentsRequest.newBuilder().setParent(IMPORTED).addItems(item).build());
    }
    items.onCompleted();
    want("what was imported by a client stream", answers.all().get(0).getImportedCount(), 3L);
  }

  private void serverStreams() {
    var found = 0;
    var query = QueryDocumentsRequest.newBuilder().setParent(IMPORTED).build();
    for (var answers = authorized().queryDocuments(query); answers.hasNext(); ) {
      found += answers.next().getDocumentsCount();
    }
    want("documents of a server stream", found, 3);

    var context = Context.current().withCancellation();
    var before = context.attach();
    try {
      var watch = HealthGrpc.newBlockingStub(channel).watch(HealthCheckRequest.getDefaultInstance());
      want("health", watch.next().getStatus(), ServingStatus.SERVING);
      context.cancel(null);
      want("code after a cancel", failure(watch::hasNext).getStatus().getCode(), Status.Code.CANCELLED);
    } finally {
      context.detach(before);
    }
  }

  private void bothWays() throws Exception {
    var answers = new Answers<ServerReflectionResponse>();
    var requests = ServerReflectionGrpc.newStub(channel)
        .withDeadlineAfter(TIMEOUT_S, TimeUnit.SECONDS)
        .serverReflectionInfo(answers);
    for (var n = 0; n < 3; n += 1) {
      requests.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
    }
    requests.onCompleted();
    want("answers of a bidirectional stream", answers.all().size(), 3);
    want("whether services are listed", answers.all().get(0).getListServicesResponse().getServiceCount() > 1, true);
  }

  private DocumentServiceBlockingStub documents() {
    return DocumentServiceGrpc.newBlockingStub(channel).withDeadlineAfter(TIMEOUT_S, TimeUnit.SECONDS);
  }

  private DocumentServiceBlockingStub authorized() {
    return documents().withInterceptors(MetadataUtils.newAttachHeadersInterceptor(token));
  }

  private static GetDocumentRequest named(String name) {
    return GetDocumentRequest.newBuilder().setName(name).build();
  }

  private static Value text(String text) {
    return Value.newBuilder().setStringValue(text).build();
  }

  private static Value number(double number) {
    return Value.newBuilder().setNumberValue(number).build();
  }

  private static StatusRuntimeException failure(Supplier<?> call) {
    try {
      call.get();
    } catch (StatusRuntimeException error) {
      return error;
    }
    throw new AssertionError("a call that was expected to fail went well");
  }

  private static StatusRuntimeException failure(Runnable call) {
    return failure(() -> {
      call.run();
      return null;
    });
  }

  private static <T extends Message> T detail(StatusRuntimeException error, Class<T> type)
      throws InvalidProtocolBufferException {
    for (var found : StatusProto.fromThrowable(error).getDetailsList()) {
      if (found.is(type)) return found.unpack(type);
    }
    throw new AssertionError("no " + type.getSimpleName() + " in the details of " + error);
  }

  private static void want(String what, Object got, Object expected) {
    if (!Objects.equals(got, expected)) throw new AssertionError(what + ": got " + got + ", expected " + expected);
  }

  /** Collects a stream. */
  private static class Answers<T> implements StreamObserver<T> {
    private final List<T> answers = new ArrayList<>();
    private final CompletableFuture<List<T>> ended = new CompletableFuture<>();

    List<T> all() throws Exception {
      return ended.get(TIMEOUT_S, TimeUnit.SECONDS);
    }

    @Override
    public void onNext(T answer) {
      answers.add(answer);
    }

    @Override
    public void onError(Throwable error) {
      ended.completeExceptionally(error);
    }

    @Override
    public void onCompleted() {
      ended.complete(answers);
    }
  }
}
