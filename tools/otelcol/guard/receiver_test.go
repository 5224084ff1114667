package guard

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

// memory is a storage extension that is its own host and its own client.
type memory struct {
	component.StartFunc
	component.ShutdownFunc
	mu   sync.Mutex
	data map[string][]byte
}

func (m *memory) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("memory"): m}
}

func (m *memory) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return &client{memory: m}, nil
}

type client struct{ *memory }

func (c *client) Start(context.Context, component.Host) error { return nil }
func (c *client) Close(context.Context) error                 { return nil }

func (c *client) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	return op.Value, c.Batch(ctx, op)
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
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = c.data[op.Key]
		case storage.Set:
			c.data[op.Key] = op.Value
		case storage.Delete:
			delete(c.data, op.Key)
		}
	}
	return nil
}

// pipeline takes lines while open, and changes what it refuses, as processors do.
type pipeline struct {
	mu    sync.Mutex
	open  bool
	calls int
	lines map[string]int
}

func (p *pipeline) consume(_ context.Context, logs plog.Logs) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				if p.open {
					p.lines[record.Body().Str()]++
				}
				record.Body().SetStr("changed")
			}
		}
	}
	if !p.open {
		return errors.New("full")
	}
	return nil
}

func (p *pipeline) look(condition func() bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return condition()
}

func begin(t *testing.T, factory receiver.Factory, dir string, to *pipeline, store *memory) receiver.Logs {
	t.Helper()
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(map[string]any{
		"include": []any{filepath.Join(dir, "*.log")}, "start_at": "beginning", "storage": "memory",
		"poll_interval": "10ms", "include_file_name": false, "retry_on_failure": map[string]any{"enabled": true},
	}).Unmarshal(config); err != nil {
		t.Fatal(err)
	}
	next, err := consumer.NewLogs(to.consume, consumer.WithCapabilities(consumer.Capabilities{MutatesData: true}))
	if err != nil {
		t.Fatal(err)
	}
	made, err := factory.CreateLogs(context.Background(), receivertest.NewNopSettings(factory.Type()), config, next)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Start(context.Background(), store); err != nil {
		t.Fatal(err)
	}
	return made
}

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for 10 s in vain until %s", what)
		}
	}
}

// TestAReloadUnderBackPressureLosesNoLine stops the receiver while the pipeline
// refuses, and starts it again with the same storage.
func TestAReloadUnderBackPressureLosesNoLine(t *testing.T) {
	if err := featuregate.GlobalRegistry().Set("stanza.synchronousLogEmitter", true); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "a.log")
	write := func(lines ...string) {
		opened, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opened.WriteString(strings.Join(lines, "\n") + "\n"); err != nil {
			t.Fatal(err)
		}
		_ = opened.Close()
	}
	factory := Receiver(filelogreceiver.NewFactory())
	store := &memory{data: map[string][]byte{}}
	to := &pipeline{open: true, lines: map[string]int{}}

	write("one")
	made := begin(t, factory, dir, to, store)
	until(t, "the first line is there", func() bool { return to.look(func() bool { return to.lines["one"] == 1 }) })
	until(t, "its checkpoint is saved", func() bool { store.mu.Lock(); defer store.mu.Unlock(); return len(store.data) > 0 })
	to.look(func() bool { to.open, to.calls = false, 0; return true })
	write("two", "three")
	until(t, "the pipeline has refused", func() bool { return to.look(func() bool { return to.calls > 1 }) })
	if err := made.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	to.look(func() bool { to.open = true; return true })
	write("four")
	made = begin(t, factory, dir, to, store)
	until(t, "the last line is there", func() bool { return to.look(func() bool { return to.lines["four"] > 0 }) })
	if err := made.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"one": 1, "two": 1, "three": 1, "four": 1}
	if !maps.Equal(to.lines, want) {
		t.Errorf("got %v, want %v", to.lines, want)
	}
}
