// Asks as Envoy's ext_authz does, with the messages that Envoy's own contracts make: Keelson's excerpt of them has to mean the same.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extAuthz "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
)

func main() {
	address, token := os.Getenv("POLYGLOT_ADDRESS"), os.Getenv("POLYGLOT_TOKEN")
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	proxy := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	settings := route()
	ask := func(authorization, principal, path string) *auth.CheckResponse {
		answer, err := auth.NewAuthorizationClient(connection).Check(proxy, &auth.CheckRequest{
			Attributes: &auth.AttributeContext{
				Source: &auth.AttributeContext_Peer{Principal: principal},
				Request: &auth.AttributeContext_Request{Http: &auth.AttributeContext_HttpRequest{
					Method: "GET", Path: path, Host: "orders.example", Headers: map[string]string{"authorization": authorization},
				}},
				ContextExtensions: settings,
			},
		})
		check(err)
		return answer
	}

	passed := ask("Bearer "+token, "", "/api/collections/orders/documents/o-17?view=full")
	want("code of a request that may pass", passed.GetStatus().GetCode(), 0)
	header := passed.GetOkResponse().GetHeaders()[0]
	want("header that names the caller", header.GetHeader().GetKey(), "x-keelson-caller")
	want("caller", header.GetHeader().GetValue(), "serviceAccounts/admin")
	want("what becomes of one that it brought", header.GetAppendAction(), core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD)

	stranger := ask("Bearer nobody", "", "/api/collections/orders/documents/o-17")
	want("status for a stranger", int(stranger.GetDeniedResponse().GetStatus().GetCode()), 401)
	want("header for a stranger", stranger.GetDeniedResponse().GetHeaders()[1].GetHeader().GetKey(), "www-authenticate")

	strange := ask("Bearer "+token, "", "/api/collections/orders/../secret")
	want("status for a path that is no name", int(strange.GetDeniedResponse().GetStatus().GetCode()), 403)
	want("body", len(strange.GetDeniedResponse().GetBody()) > 0, true)
	fmt.Println("envoy client: all is well")
}

// The settings that docs/access.md gives for a route, read as Envoy reads them.
func route() map[string]string {
	settings := &extAuthz.ExtAuthzPerRoute{}
	check(protojson.Unmarshal([]byte(os.Getenv("POLYGLOT_ENVOY_ROUTE")), settings))
	check(settings.ValidateAll())
	return settings.GetCheckSettings().GetContextExtensions()
}

func want[T comparable](what string, got, expected T) {
	if got != expected {
		fmt.Fprintf(os.Stderr, "%s: got %v, want %v\n", what, got, expected)
		os.Exit(1)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
