// A client as a Go team would write it, from code that protoc-gen-go and protoc-gen-go-grpc generate of Keelson's contracts.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	documents "keelson.test/client/gen/keelson/documents/v1"
)

const (
	parent   = "collections/polyglot"
	imported = "collections/polyglot-go"
)

var hostile = []string{"a % b %25", "caf\u00e9 \U0001F600", "line\nbreak\ttab", "nul\x00byte", strings.Repeat("\u00e9", 300)}

func main() {
	address, token := os.Getenv("POLYGLOT_ADDRESS"), os.Getenv("POLYGLOT_TOKEN")
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check("connect", err)
	defer connection.Close()
	client := documents.NewDocumentServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	authorized := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)

	unary(authorized, client)
	failures(authorized, ctx, client)
	texts(ctx, grpc_health_v1.NewHealthClient(connection))
	transfer(authorized, client)
	streams(ctx, connection)
	fmt.Println("go client: all is well")
}

func unary(ctx context.Context, client documents.DocumentServiceClient) {
	fields, err := structpb.NewStruct(map[string]any{"text": "h\u00e9llo \U0001F600", "n": 1.5})
	check("struct", err)
	created, err := client.CreateDocument(ctx, &documents.CreateDocumentRequest{
		Parent: parent, DocumentId: "go", Document: &documents.Document{Fields: fields},
	})
	check("create", err)
	read, err := client.GetDocument(ctx, &documents.GetDocumentRequest{Name: created.Name})
	check("get", err)
	want("what was written", read.Fields.AsMap()["text"], "h\u00e9llo \U0001F600")
	listed, err := client.ListDocuments(ctx, &documents.ListDocumentsRequest{Parent: parent, Filter: "fields.n > 1"})
	check("list", err)
	want("how many are found", len(listed.Documents) > 0, true)
}

func failures(authorized, anonymous context.Context, client documents.DocumentServiceClient) {
	_, err := client.GetDocument(authorized, &documents.GetDocumentRequest{Name: parent + "/documents/missing"})
	want("code of a missing document", status.Code(err), codes.NotFound)
	want("its reason", detail[*errdetails.ErrorInfo](err).GetReason(), "RESOURCE_NOT_FOUND")

	_, err = client.GetDocument(authorized, &documents.GetDocumentRequest{Name: "nonsense"})
	want("code of a bad name", status.Code(err), codes.InvalidArgument)
	want("its field", detail[*errdetails.BadRequest](err).GetFieldViolations()[0].GetField(), "name")

	_, err = client.GetDocument(anonymous, &documents.GetDocumentRequest{Name: parent + "/documents/go"})
	want("code without a token", status.Code(err), codes.Unauthenticated)

	late, cancel := context.WithTimeout(authorized, time.Nanosecond)
	defer cancel()
	_, err = client.GetDocument(late, &documents.GetDocumentRequest{Name: parent + "/documents/go"})
	want("code after the deadline", status.Code(err), codes.DeadlineExceeded)

	month, cancelMonth := context.WithTimeout(authorized, 30*24*time.Hour)
	defer cancelMonth()
	_, err = client.GetDocument(month, &documents.GetDocumentRequest{Name: parent + "/documents/go"})
	check("a deadline of a month", err)
}

// What no header can hold comes back in an error as it was sent.
func texts(ctx context.Context, health grpc_health_v1.HealthClient) {
	for _, text := range hostile {
		_, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: text})
		want("code for a hostile text", status.Code(err), codes.NotFound)
		want("hostile text in the message", strings.Contains(status.Convert(err).Message(), text), true)
	}
}

// A client stream, and a server stream of what it sent.
func transfer(ctx context.Context, client documents.DocumentServiceClient) {
	sent, err := client.ImportDocuments(ctx)
	check("import", err)
	for _, id := range []string{"one", "two", "three"} {
		item := &documents.DocumentItem{DocumentId: id, Content: &documents.DocumentItem_Json{Json: "{}"}}
		check("send", sent.Send(&documents.ImportDocumentsRequest{Parent: imported, Items: []*documents.DocumentItem{item}}))
	}
	counted, err := sent.CloseAndRecv()
	check("answer of a client stream", err)
	want("what was imported", counted.ImportedCount, 3)

	query, err := client.QueryDocuments(ctx, &documents.QueryDocumentsRequest{Parent: imported})
	check("query", err)
	found := 0
	for {
		part, err := query.Recv()
		if err == io.EOF {
			break
		}
		check("answer of a server stream", err)
		found += len(part.Documents)
	}
	want("what is queried", found, 3)
}

func streams(ctx context.Context, connection *grpc.ClientConn) {
	watching, stop := context.WithCancel(ctx)
	watch, err := grpc_health_v1.NewHealthClient(connection).Watch(watching, &grpc_health_v1.HealthCheckRequest{})
	check("watch", err)
	answer, err := watch.Recv()
	check("first of a server stream", err)
	want("health", answer.Status, grpc_health_v1.HealthCheckResponse_SERVING)
	stop()
	_, err = watch.Recv()
	want("code after a cancel", status.Code(err), codes.Canceled)

	reflection, err := grpc_reflection_v1.NewServerReflectionClient(connection).ServerReflectionInfo(ctx)
	check("reflection", err)
	for range 3 {
		check("send", reflection.Send(&grpc_reflection_v1.ServerReflectionRequest{
			MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
		}))
		listed, err := reflection.Recv()
		check("answer of a bidirectional stream", err)
		want("services", len(listed.GetListServicesResponse().GetService()) > 1, true)
	}
	check("close", reflection.CloseSend())
}

func detail[T any](err error) T {
	for _, found := range status.Convert(err).Details() {
		if typed, ok := found.(T); ok {
			return typed
		}
	}
	var none T
	panic(fmt.Sprintf("no %T in the details of %v", none, err))
}

func want[T comparable](what string, got, expected T) {
	if got != expected {
		panic(fmt.Sprintf("%s: got %v, expected %v", what, got, expected))
	}
}

func check(what string, err error) {
	if err != nil {
		panic(fmt.Sprintf("%s: %v", what, err))
	}
}
