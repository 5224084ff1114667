package logfiles

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// memory is a storage extension that is its own host and its own client.
type memory struct {
	component.StartFunc
	component.ShutdownFunc
	mu   sync.Mutex
	data map[string]map[string][]byte
	full bool
	// saves counts transactions that changed something.
	saves int
}

func (m *memory) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("memory"): m}
}

func (m *memory) GetClient(_ context.Context, _ component.Kind, id component.ID, _ string) (storage.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.data[id.String()] == nil {
		m.data[id.String()] = map[string][]byte{}
	}
	return &client{m, m.data[id.String()]}, nil
}

type client struct {
	*memory
	data map[string][]byte
}

func (c *client) Close(context.Context) error { return nil }

func (c *client) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	err := c.Batch(ctx, op)
	return op.Value, err
}

func (c *client) Set(ctx context.Context, key string, value []byte) error {
	return c.Batch(ctx, storage.SetOperation(key, value))
}

func (c *client) Delete(ctx context.Context, key string) error {
	return c.Batch(ctx, storage.DeleteOperation(key))
}

func (c *client) Batch(_ context.Context, ops ...*storage.Operation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(ops) > 0 && ops[0].Type != storage.Get && !c.full {
		c.saves++
	}
	for _, op := range ops {
		switch {
		case op.Type == storage.Get:
			op.Value = c.data[op.Key]
		case c.full:
			return errors.New("no space left on device")
		case op.Type == storage.Set:
			c.data[op.Key] = op.Value
		case op.Type == storage.Delete:
			delete(c.data, op.Key)
		}
	}
	return nil
}

// sink stores lines as the store does: a record whose id is there already is known.
type sink struct {
	mu     sync.Mutex
	shut   bool
	calls  int
	again  int
	stored map[string]string
	order  []string
}

func (s *sink) consume(_ context.Context, logs plog.Logs) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				id, _ := record.Attributes().Get(UID)
				if !s.shut {
					if _, known := s.stored[id.Str()]; known {
						s.again++
					} else {
						s.order = append(s.order, record.Body().Str())
					}
					s.stored[id.Str()] = record.Body().Str()
				}
				record.Body().SetStr("changed")
			}
		}
	}
	if s.shut {
		return errors.New("full")
	}
	return nil
}

// host is a folder with log files and a receiver whose time and turns the test makes.
type host struct {
	t      *testing.T
	dir    string
	store  *memory
	sink   *sink
	reader *fileReader
	clock  time.Time
	config *Config
	meter  *metric.ManualReader
}

func newHost(t *testing.T, include ...string) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir(), clock: time.Now(), sink: &sink{stored: map[string]string{}},
		store: &memory{data: map[string]map[string][]byte{}}}
	h.config = createDefaultConfig().(*Config)
	for _, pattern := range include {
		h.config.Include = append(h.config.Include, filepath.Join(h.dir, pattern))
	}
	id := component.MustNewID("memory")
	h.config.Storage = &id
	return h
}

func (h *host) start() *host {
	h.t.Helper()
	if err := h.config.Validate(); err != nil {
		h.t.Fatal(err)
	}
	next, _ := consumer.NewLogs(h.sink.consume, consumer.WithCapabilities(consumer.Capabilities{MutatesData: true}))
	h.meter = metric.NewManualReader()
	settings := receivertest.NewNopSettings(Type)
	settings.ID = component.NewIDWithName(Type, "test")
	settings.MeterProvider = metric.NewMeterProvider(metric.WithReader(h.meter))
	reader, err := newReceiver(h.config, settings, next)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := reader.prepare(context.Background(), h.store); err != nil {
		h.t.Fatal(err)
	}
	reader.tracker.now = func() time.Time { return h.clock }
	h.reader = reader
	return h
}

// poll looks and reads until there is nothing more.
func (h *host) poll() {
	h.t.Helper()
	h.clock = h.clock.Add(200 * time.Millisecond)
	h.reader.tracker.scan()
	h.reader.save(context.Background())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for turns := 0; h.reader.round(ctx); turns++ {
		if turns > 100_000 {
			h.t.Fatal("reading does not end")
		}
	}
}

func (h *host) later(wait time.Duration) {
	h.t.Helper()
	h.clock = h.clock.Add(wait)
	h.poll()
}

// crash ends the receiver as a kill does: what is not on disk is forgotten.
func (h *host) crash() {
	for _, f := range h.reader.tracker.files {
		h.reader.tracker.close(f)
	}
	h.reader = nil
}

func (h *host) stop() {
	h.t.Helper()
	if err := h.reader.end(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	h.reader = nil
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

func (h *host) write(name string, text string) {
	h.t.Helper()
	file, err := os.OpenFile(h.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		h.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) rename(from, to string) {
	h.t.Helper()
	h.must(os.Rename(h.path(from), h.path(to)))
}

// copy copies a file, as copytruncate does before it truncates.
func (h *host) copy(from, to string) {
	h.t.Helper()
	text, err := os.ReadFile(h.path(from))
	h.must(err)
	h.must(os.WriteFile(h.path(to), text, 0o600))
}

func (h *host) truncate(name string) {
	h.t.Helper()
	h.must(os.Truncate(h.path(name), 0))
}

// wants compares what is stored with lines, each as often as it stands there.
func (h *host) wants(lines ...string) {
	h.t.Helper()
	var found []string
	for _, line := range h.sink.stored {
		found = append(found, line)
	}
	want := append([]string{}, lines...)
	sort.Strings(found)
	sort.Strings(want)
	if strings.Join(found, "\n·") != strings.Join(want, "\n·") {
		h.t.Fatalf("stored\n %s\nwant\n %s", quoted(found), quoted(want))
	}
}

func quoted(lines []string) string {
	if len(lines) > 30 {
		lines = append(lines[:30:30], fmt.Sprintf("... %d in all", len(lines)))
	}
	return fmt.Sprintf("%.2000q", lines)
}

// metric is the sum of a metric over its series that have the reason, if one is given.
func (h *host) metric(name, reason string) int64 {
	h.t.Helper()
	var all metricdata.ResourceMetrics
	h.must(h.meter.Collect(context.Background(), &all))
	var sum int64
	add := func(points []metricdata.DataPoint[int64]) {
		for _, point := range points {
			if value, _ := point.Attributes.Value("reason"); reason == "" || value.AsString() == reason {
				sum += point.Value
			}
		}
	}
	for _, of := range all.ScopeMetrics {
		for _, one := range of.Metrics {
			if one.Name != "otelcol_logfiles_"+name {
				continue
			}
			switch data := one.Data.(type) {
			case metricdata.Sum[int64]:
				add(data.DataPoints)
			case metricdata.Gauge[int64]:
				add(data.DataPoints)
			}
		}
	}
	return sum
}

// numbered makes lines with a common beginning.
func numbered(what string, from, to int) (lines []string, text string) {
	for number := from; number < to; number++ {
		lines = append(lines, fmt.Sprintf("%s %d", what, number))
	}
	return lines, strings.Join(lines, "\n") + "\n"
}
