// An OpenID provider for tests: gives signed tokens to two clients that know their secrets. The protocol is the library's; here
// are only who the clients are, for whom their tokens are, and TLS.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// clients by id: the audience of their tokens. The secret of each is its id with "-secret" behind it.
var clients = map[string]string{"shop": "kafka", "stranger": "elsewhere"}

// provider keeps everything in memory and answers for our clients.
type provider struct{ *storage.Storage }

// client is one of the library's with tokens that a server can verify by itself.
type client struct {
	*storage.Client
	id string
}

func (c client) GetID() string                       { return c.id }
func (c client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (c client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}

func (p provider) ClientCredentials(_ context.Context, id, secret string) (op.Client, error) {
	if _, known := clients[id]; !known || secret != id+"-secret" {
		return nil, oidc.ErrInvalidClient().WithDescription("wrong id or secret")
	}
	return client{storage.NativeClient(id), id}, nil
}

func (p provider) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: "client-" + id, Audience: []string{clients[id]}, Scopes: scopes}, nil
}

// GetPrivateClaimsFromScopes names the user of Kafka in a claim that isn't the subject.
func (p provider) GetPrivateClaimsFromScopes(_ context.Context, _, id string, _ []string) (map[string]any, error) {
	return map[string]any{"kafka_user": id}, nil
}

// CreateAccessToken gives tokens that end soon, so that clients have to come again.
func (p provider) CreateAccessToken(ctx context.Context, request op.TokenRequest) (string, time.Time, error) {
	id, _, err := p.Storage.CreateAccessToken(ctx, request)
	return id, time.Now().Add(time.Minute), err
}

func main() {
	issuer := flag.String("issuer", "", "URL that tokens name")
	listen := flag.String("listen", ":8443", "address")
	certificate := flag.String("certificate", "", "PEM file")
	key := flag.String("key", "", "PEM file")
	flag.Parse()
	memory := provider{storage.NewStorage(storage.NewUserStore(*issuer))}
	server := &http.Server{
		Addr:              *listen,
		Handler:           exampleop.SetupServer(*issuer, memory, nil, false),
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.Fatal(server.ListenAndServeTLS(*certificate, *key))
}
