package opensearchlogs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

const secret = "s3cret-value"

// store is a small OpenSearch: it remembers documents by index and id.
type store struct {
	mu       sync.Mutex
	docs     map[string]map[string]any // index/id -> document
	requests int
	// http answers a request before it is read; 0 means go on.
	http func(request int) int
	// whole answers a request for all that is in it; 0 means go on.
	whole func(body string) int
	// item answers one item; status 0 means take it.
	item func(index, id string, doc map[string]any) (int, string)
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.http != nil {
		if status := s.http(s.requests); status != 0 {
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.WriteHeader(status)
			return
		}
	}
	if user, password, _ := r.BasicAuth(); user != "shipper" || password != secret {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var items []map[string]any
	all, _ := io.ReadAll(r.Body)
	if s.whole != nil {
		if status := s.whole(string(all)); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	lines := bufio.NewReader(bytes.NewReader(all))
	for {
		head, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		body, _ := lines.ReadBytes('\n')
		var action map[string]map[string]string
		var doc map[string]any
		if json.Unmarshal(head, &action) != nil || json.Unmarshal(body, &doc) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		index, id := action["create"]["_index"], action["create"]["_id"]
		status, kind := http.StatusCreated, ""
		if s.item != nil {
			if refused, why := s.item(index, id, doc); refused != 0 {
				status, kind = refused, why
			}
		}
		key := index + "/" + id
		if _, there := s.docs[key]; there && status == http.StatusCreated {
			status, kind = http.StatusConflict, "version_conflict_engine_exception"
		}
		if status == http.StatusCreated {
			s.docs[key] = doc
		}
		items = append(items, map[string]any{"create": map[string]any{
			"status": status, "error": map[string]any{"type": kind, "reason": "quotes " + string(body)},
		}})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"items": items})
}

type fixture struct {
	*sink
	store  *store
	logs   *observer.ObservedLogs
	config *Config
	set    exporter.Settings
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	fake := &store{docs: map[string]map[string]any{}}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	config := createDefaultConfig().(*Config)
	config.Endpoint = server.URL
	config.User, config.Password = "shipper", secret
	config.Index.Prefix, config.RejectedIndex = "logs-test", "rejected-test"
	config.ResourceAttributes = []string{"env"}
	config.Timeout = 5 * time.Second
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.DebugLevel)
	set := exportertest.NewNopSettings(Type)
	set.Logger = zap.New(core)
	made, err := newSink(config, set)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.start(context.Background(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	return &fixture{sink: made, store: fake, logs: logs, config: config, set: set}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)

// records makes one record per id, with that id and its message.
func records(ids ...string) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("env", "test")
	rl.Resource().Attributes().PutStr("service.name", "orders")
	sl := rl.ScopeLogs().AppendEmpty()
	for _, id := range ids {
		record := sl.LogRecords().AppendEmpty()
		record.SetTimestamp(pcommon.NewTimestampFromTime(noon))
		record.Body().SetStr("line " + id)
		record.Attributes().PutStr("log.record.uid", id)
		record.Attributes().PutStr("log.file.path", "/var/log/x.log")
	}
	return logs
}

func uids(logs plog.Logs) string {
	var out []string
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				out = append(out, recordID(record, "log.record.uid"))
			}
		}
	}
	return strings.Join(out, " ")
}

func TestADocumentIsFlat(t *testing.T) {
	f := newFixture(t)
	logs := records("a")
	record := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	record.SetSeverityNumber(plog.SeverityNumberWarn2)
	record.SetTraceID([16]byte{1})
	record.Attributes().PutEmptyMap("user").PutStr("name", "x")
	record.Attributes().PutDouble("share", nan())
	if err := f.push(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(f.store.docs["logs-test-2026.03.01/a"])
	want := `{"env":"test","log_level":"WARN","message":"line a","service":"orders","share":"NaN",` +
		`"timestamp":"2026-03-01T12:00:00.000000005Z","trace_id":"01000000000000000000000000000000","user":{"name":"x"}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestTheIndexIsThatOfTheRecordsOwnDay(t *testing.T) {
	f := newFixture(t)
	logs := records("late", "observed")
	list := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	list.At(0).SetTimestamp(pcommon.NewTimestampFromTime(time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC)))
	list.At(1).SetTimestamp(0)
	list.At(1).SetObservedTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC)))
	if err := f.push(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"logs-test-2025.12.31/late", "logs-test-2026.01.01/observed"} {
		if f.store.docs[key] == nil {
			t.Errorf("%s is missing in %v", key, f.store.docs)
		}
	}
}

func TestEveryFailureOfTheStoreIsRetriedWhole(t *testing.T) {
	for _, status := range []int{301, 307, 400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504} {
		f := newFixture(t)
		f.store.http = func(int) int { return status }
		err := f.push(context.Background(), records("a", "b"))
		if err == nil || consumererror.IsPermanent(err) {
			t.Errorf("HTTP %d: got %v, want a transient error", status, err)
		}
		if subset := (consumererror.Logs{}); errors.As(err, &subset) {
			t.Errorf("HTTP %d: only %s would be sent again", status, uids(subset.Data()))
		}
	}
	f := newFixture(t)
	f.sink.nodes = nodes{urls: []string{"http://127.0.0.1:1/_bulk"}}
	if err := f.push(context.Background(), records("a")); err == nil || consumererror.IsPermanent(err) {
		t.Errorf("connection refused: got %v, want a transient error", err)
	}
}

func TestARequestThatIsTooLargeIsHalved(t *testing.T) {
	f := newFixture(t)
	f.store.http = func(request int) int {
		if request == 1 {
			return http.StatusRequestEntityTooLarge
		}
		return 0
	}
	if err := f.push(context.Background(), records("a", "b", "c")); err != nil {
		t.Fatal(err)
	}
	if len(f.store.docs) != 3 || f.store.requests != 3 {
		t.Errorf("got %d documents in %d requests, want 3 in 3", len(f.store.docs), f.store.requests)
	}
}

func TestASecondAttemptIsNoError(t *testing.T) {
	f := newFixture(t)
	for range 2 {
		if err := f.push(context.Background(), records("a", "b")); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.store.docs) != 2 {
		t.Errorf("got %d documents, want 2", len(f.store.docs))
	}
}

func TestOnlyWhatTheStoreDidNotTakeIsSentAgain(t *testing.T) {
	for status, kind := range map[int]string{
		429: "es_rejected_execution_exception", 503: "unavailable_shards_exception",
		403: "cluster_block_exception", 404: "index_not_found_exception", 400: "validation_exception",
	} {
		f := newFixture(t)
		f.store.item = func(_, id string, _ map[string]any) (int, string) {
			if id == "b" || id == "d" {
				return status, kind
			}
			return 0, ""
		}
		err := f.push(context.Background(), records("a", "b", "c", "d"))
		var subset consumererror.Logs
		if !errors.As(err, &subset) || consumererror.IsPermanent(err) {
			t.Fatalf("status %d: got %v, want a transient error with a subset", status, err)
		}
		if got := uids(subset.Data()); got != "b d" {
			t.Errorf("status %d: %q is sent again, want \"b d\"", status, got)
		}
		if len(f.store.docs) != 2 {
			t.Errorf("status %d: %d documents stored, want 2", status, len(f.store.docs))
		}
	}
}

func TestARecordRefusedForItsContentIsKeptAsText(t *testing.T) {
	f := newFixture(t)
	f.store.item = func(index, id string, _ map[string]any) (int, string) {
		if id == "b" && strings.HasPrefix(index, "logs-") {
			return 400, "mapper_parsing_exception"
		}
		return 0, ""
	}
	if err := f.push(context.Background(), records("a", "b")); err != nil {
		t.Fatal(err)
	}
	kept := f.store.docs["rejected-test-2026.03.01/b"]
	if kept == nil {
		t.Fatalf("not in the rejected index: %v", f.store.docs)
	}
	if kept["error.type"] != "mapper_parsing_exception" || kept["service"] != "orders" ||
		!strings.Contains(kept["message"].(string), `"message":"line b"`) {
		t.Errorf("got %v", kept)
	}
}

func TestARefusedRecordWaitsWhileItsIndexIsDown(t *testing.T) {
	f := newFixture(t)
	f.store.item = func(index, id string, _ map[string]any) (int, string) {
		switch {
		case id != "b":
			return 0, ""
		case strings.HasPrefix(index, "logs-"):
			return 400, "mapper_parsing_exception"
		}
		return 503, "unavailable_shards_exception"
	}
	var subset consumererror.Logs
	if err := f.push(context.Background(), records("a", "b")); !errors.As(err, &subset) || uids(subset.Data()) != "b" {
		t.Fatalf("got %v, want only b to be sent again", err)
	}
}

func TestARecordWithoutAnIDGetsOneBeforeTheQueue(t *testing.T) {
	f := newFixture(t)
	made, err := createLogs(context.Background(), f.set, f.config)
	if err != nil {
		t.Fatal(err)
	}
	if !made.Capabilities().MutatesData {
		t.Error("the records are changed, so the exporter must say so")
	}
	if err := made.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	logs := records("", "")
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(1).Attributes().Remove("log.record.uid")
	if err := made.ConsumeLogs(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
	if err := made.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	ids := strings.Fields(uids(logs))
	if len(ids) != 2 || ids[0] == ids[1] {
		t.Fatalf("got ids %v, want two different ones", ids)
	}
	for _, id := range ids {
		if f.store.docs["logs-test-2026.03.01/"+id] == nil {
			t.Errorf("%s is missing in %v", id, f.store.docs)
		}
	}
}

func TestALongIDIsShortened(t *testing.T) {
	record := plog.NewLogRecord()
	record.Attributes().PutStr("log.record.uid", strings.Repeat("x", 600))
	if id := recordID(record, "log.record.uid"); len(id) != 64 {
		t.Errorf("got %d bytes, want 64", len(id))
	}
}

func TestNothingSecretIsSaid(t *testing.T) {
	f := newFixture(t)
	f.config.Password = "wrong-" + secret
	var errs []error
	for range 3 {
		errs = append(errs, f.push(context.Background(), records("document-text")))
	}
	if warned := f.logs.FilterMessageSnippet("refuses our credentials").Len(); warned != 1 {
		t.Errorf("warned %d times, want once", warned)
	}
	f.config.Password = secret
	f.store.item = func(index, _ string, _ map[string]any) (int, string) {
		if strings.HasPrefix(index, "logs-") {
			return 400, "mapper_parsing_exception"
		}
		return 503, "unavailable_shards_exception"
	}
	errs = append(errs, f.push(context.Background(), records("document-text")))
	f.sink.nodes = nodes{urls: []string{"http://127.0.0.1:1/_bulk"}}
	errs = append(errs, f.push(context.Background(), records("document-text")))

	said := errors.Join(errs...).Error()
	for _, entry := range f.logs.All() {
		fields, _ := json.Marshal(entry.ContextMap())
		said += entry.Message + string(fields)
	}
	for _, hidden := range []string{secret, "document-text"} {
		if strings.Contains(said, hidden) {
			t.Errorf("%q is said in: %s", hidden, said)
		}
	}
}
