package opensearchlogs

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// disk is what survives a kill.
type disk struct {
	mu   sync.Mutex
	data map[string][]byte
}

func (d *disk) copy() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &disk{data: maps.Clone(d.data)}
}

// process is a storage extension that dies, with all that use it, at one of its
// writes: the calls after that never return.
type process struct {
	component.StartFunc
	component.ShutdownFunc
	disk  *disk
	left  int
	dead  chan struct{}
	death sync.Once
}

func (p *process) GetClient(_ context.Context, _ component.Kind, id component.ID, _ string) (storage.Client, error) {
	return &memory{process: p, of: id.String() + " "}, nil
}

func (p *process) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("disk"): p}
}

type memory struct {
	storage.Client
	process *process
	of      string
}

func (m *memory) Batch(_ context.Context, ops ...*storage.Operation) error {
	p := m.process
	p.disk.mu.Lock()
	if p.left--; p.left < 0 {
		p.disk.mu.Unlock()
		p.death.Do(func() { close(p.dead) })
		select {}
	}
	defer p.disk.mu.Unlock()
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = p.disk.data[m.of+op.Key]
		case storage.Set:
			p.disk.data[m.of+op.Key] = op.Value
		case storage.Delete:
			delete(p.disk.data, m.of+op.Key)
		}
	}
	return nil
}

func (m *memory) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	return op.Value, m.Batch(ctx, op)
}

func (m *memory) Set(ctx context.Context, key string, value []byte) error {
	return m.Batch(ctx, storage.SetOperation(key, value))
}

func (m *memory) Delete(ctx context.Context, key string) error {
	return m.Batch(ctx, storage.DeleteOperation(key))
}

func (m *memory) Close(context.Context) error { return nil }

// TestNoRecordIsLostByAKillAtAnyWrite kills the exporter at its first write, its
// second, and so on, while the store is down and records are in flight.
func TestNoRecordIsLostByAKillAtAnyWrite(t *testing.T) {
	const count = 6 // half of them in each lane
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(down.Close)
	f := newFixture(t)
	up := f.config.Endpoint
	id := component.MustNewID("disk")
	f.config.Queue.StorageID = &id
	f.config.Queue.NumConsumers = 3

	run := func(on *disk, endpoint string, left int, work func(context.Context, *identified)) *process {
		life := &process{disk: on, left: left, dead: make(chan struct{})}
		f.config.Endpoint = endpoint
		config := *f.config
		made, err := createLogs(context.Background(), f.set, &config)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if err := made.Start(context.Background(), life); err != nil {
				t.Error(err)
			}
			work(context.Background(), made.(*identified))
		}()
		return life
	}
	start := &disk{data: map[string][]byte{}}
	filled := make(chan struct{})
	run(start, down.URL, 1000, func(ctx context.Context, made *identified) {
		for i := range count {
			made.Logs.(*lanes).whole = int64(i%2) << 40
			if err := made.ConsumeLogs(ctx, records(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		}
		close(filled)
	})
	wait(t, filled)

	for kill := range 24 {
		on := start.copy()
		for range 2 { // twice, since the second start finds what the first left
			life := run(on, down.URL, kill, func(context.Context, *identified) {})
			select {
			case <-life.dead:
			case <-time.After(300 * time.Millisecond): // all its writes are done
			}
			on = on.copy()
		}
		f.store.mu.Lock()
		f.store.docs = map[string]map[string]any{}
		f.store.mu.Unlock()
		run(on, up, 1000, func(context.Context, *identified) {})
		deadline := time.Now().Add(5 * time.Second)
		for f.stored() < count {
			if time.Now().After(deadline) {
				t.Fatalf("killed at write %d: %d of %d records are left", kill, f.stored(), count)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func (f *fixture) stored() int {
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	return len(f.store.docs)
}

func wait(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("waited for 10 s in vain")
	}
}
