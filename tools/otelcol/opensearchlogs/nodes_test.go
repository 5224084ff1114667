package opensearchlogs

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
)

// withNodes makes the fixture's sink know other nodes before its own.
func withNodes(t *testing.T, first ...string) *fixture {
	t.Helper()
	f := newFixture(t)
	config := *f.config
	config.Endpoint, config.FurtherEndpoints = first[0], append(first[1:], f.config.Endpoint)
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	made, err := newSink(&config, f.set)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.start(context.Background(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	f.sink = made
	return f
}

func TestTheNextNodeIsAskedWhenOneDoesNotAnswer(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	f := withNodes(t, gone.URL)
	if err := f.push(context.Background(), records("a")); err == nil {
		t.Fatal("the first node is away: expected an error, so that it is sent again")
	}
	for _, id := range []string{"a", "b"} {
		if err := f.push(context.Background(), records(id)); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
	if len(f.store.docs) != 2 {
		t.Fatalf("expected 2 documents, found %d", len(f.store.docs))
	}
}

func TestTheNextNodeIsAskedWhenOneCannot(t *testing.T) {
	asked := 0
	ill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(ill.Close)
	f := withNodes(t, ill.URL)
	if err := f.push(context.Background(), records("a")); err == nil {
		t.Fatal("expected an error, so that it is sent again")
	}
	if err := f.push(context.Background(), records("a")); err != nil {
		t.Fatal(err)
	}
	if asked != 1 || len(f.store.docs) != 1 {
		t.Fatalf("expected one request there and one document, found %d and %d", asked, len(f.store.docs))
	}
}

func TestOfManyThatFailAtOneNodeTheFirstAloneGoesOn(t *testing.T) {
	n := newNodes(&Config{FurtherEndpoints: []string{"b", "c"}})
	_, first := n.one()
	_, second := n.one()
	first()
	second()
	if url, _ := n.one(); url != "b"+bulkPath {
		t.Fatalf("expected the second node, found %s", url)
	}
}

func TestASingleNodeIsAskedAgain(t *testing.T) {
	f := newFixture(t)
	url, fails := f.nodes.one()
	fails()
	if again, _ := f.nodes.one(); again != url {
		t.Fatalf("expected %s, found %s", url, again)
	}
}
