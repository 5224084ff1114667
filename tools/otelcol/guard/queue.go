package guard

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

const (
	firstWait = 100 * time.Millisecond
	longWait  = 5 * time.Second
)

var errStopping = errors.New("the queue stops while its storage fails; what it holds stays on disk")

// Exporter guards the persistent queue of an exporter made by exporterhelper.
func Exporter(inner exporter.Logs, logger *zap.Logger) exporter.Logs {
	return &queued{Logs: inner, logger: logger, stopping: make(chan struct{})}
}

type queued struct {
	exporter.Logs
	logger   *zap.Logger
	clients  []*queueStorage
	stopping chan struct{}
	stop     sync.Once
}

func (q *queued) Start(ctx context.Context, to component.Host) error {
	err := q.Logs.Start(ctx, &host{Host: to, wrap: func(client storage.Client) storage.Client {
		guarded := &queueStorage{Client: client, starting: true, stopping: q.stopping, logger: q.logger}
		q.clients = append(q.clients, guarded)
		return guarded
	}})
	for _, client := range q.clients {
		err = errors.Join(err, client.started(ctx))
	}
	return err
}

func (q *queued) Shutdown(ctx context.Context) error {
	q.stop.Do(func() { close(q.stopping) })
	return q.Logs.Shutdown(ctx)
}

// queueStorage is what the persistent queue writes to.
//
// While the queue starts, it copies what was in flight to its end: it reads the
// items, deletes them and writes them anew. The deletion is held back until they
// are written, so that a kill in between leaves both (and the store, knowing
// their ids, takes them once) instead of neither.
//
// An item that cannot be read is taken for gone by the queue, so reading is
// tried again until it works or the collector stops.
type queueStorage struct {
	storage.Client
	logger   *zap.Logger
	stopping <-chan struct{}

	mu       sync.Mutex
	starting bool
	held     []*storage.Operation
	sealed   bool
}

func (s *queueStorage) Batch(ctx context.Context, ops ...*storage.Operation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed {
		return errStopping
	}
	has := func(kind storage.OpType) bool {
		return slices.ContainsFunc(ops, func(op *storage.Operation) bool { return op.Type == kind })
	}
	if s.starting && has(storage.Delete) && !has(storage.Set) {
		s.held = append(s.held, ops...)
		return nil
	}
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		err := s.Client.Batch(ctx, ops...)
		if err == nil || !(s.starting || has(storage.Get)) {
			return err
		}
		s.logger.Error("the queue's storage fails; trying again", zap.Error(err), zap.Duration("wait", wait))
		select {
		case <-s.stopping:
			s.sealed = true
			return errors.Join(errStopping, err)
		case <-time.After(wait):
		}
	}
}

func (s *queueStorage) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	err := s.Batch(ctx, op)
	return op.Value, err
}

func (s *queueStorage) Set(ctx context.Context, key string, value []byte) error {
	return s.Batch(ctx, storage.SetOperation(key, value))
}

func (s *queueStorage) Delete(ctx context.Context, key string) error {
	return s.Batch(ctx, storage.DeleteOperation(key))
}

// started deletes what was held back; the queue holds it a second time by now.
func (s *queueStorage) started(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starting = false
	if len(s.held) == 0 || s.sealed {
		return nil
	}
	held := s.held
	s.held = nil
	return s.Client.Batch(ctx, held...)
}
