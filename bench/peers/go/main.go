// The peers in Go, with what its own tools generate: `server` is bare grpc-go, and `gateway HOST:PORT` is grpc-gateway before it.
// Each says where it listens, as the benchmark waits for.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	benchv1 "keelson.test/peers/gen/bench/v1"
)

type echoServer struct {
	benchv1.UnimplementedEchoServiceServer
}

func (echoServer) Echo(_ context.Context, request *benchv1.EchoRequest) (*benchv1.EchoResponse, error) {
	return &benchv1.EchoResponse{Text: request.Text}, nil
}

func (echoServer) EchoMany(request *benchv1.EchoManyRequest, stream grpc.ServerStreamingServer[benchv1.EchoResponse]) error {
	for i := int32(0); i < request.Count; i++ {
		if err := stream.Send(&benchv1.EchoResponse{Text: request.Text}); err != nil {
			return err
		}
	}
	return nil
}

func serveGrpc(listener net.Listener) error {
	// One worker for the one core saves a stack for each call, as the documentation of grpc-go advises.
	server := grpc.NewServer(grpc.NumStreamWorkers(1))
	benchv1.RegisterEchoServiceServer(server, echoServer{})
	return server.Serve(listener)
}

func serveGateway(listener net.Listener, upstream string) error {
	mux := runtime.NewServeMux()
	credentials := grpc.WithTransportCredentials(insecure.NewCredentials())
	err := benchv1.RegisterEchoServiceHandlerFromEndpoint(context.Background(), mux, upstream, []grpc.DialOption{credentials})
	if err != nil {
		return err
	}
	return http.Serve(listener, mux)
}

func run(args []string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("ready %s\n", listener.Addr())
	switch {
	case len(args) == 1 && args[0] == "server":
		return serveGrpc(listener)
	case len(args) == 2 && args[0] == "gateway":
		return serveGateway(listener, args[1])
	default:
		return fmt.Errorf("usage: peers server | gateway HOST:PORT")
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}
