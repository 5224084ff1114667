package guard

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"
)

const (
	firstWait = 100 * time.Millisecond
	longWait  = 5 * time.Second
)

var errSealed = errors.New("the checkpoint stays where it was, because records could not be handed over")

// Receiver makes of a receiver of logs that reads files and keeps checkpoints one
// that hands every record over: it retries without end, and where it is stopped
// in between, its checkpoint stays before the records, so that they are read again.
func Receiver(inner receiver.Factory) receiver.Factory {
	create := func(ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
		over := &handover{Logs: next, logger: set.Logger}
		made, err := inner.CreateLogs(ctx, set, cfg, over)
		if err != nil {
			return nil, err
		}
		return &guarded{Logs: made, over: over}, nil
	}
	return receiver.NewFactory(inner.Type(), inner.CreateDefaultConfig, receiver.WithLogs(create, inner.LogsStability()))
}

type guarded struct {
	receiver.Logs
	over *handover
}

func (g *guarded) Start(ctx context.Context, to component.Host) error {
	return g.Logs.Start(ctx, &host{Host: to, wrap: func(client storage.Client) storage.Client {
		return &checkpoints{Client: client, sealed: &g.over.failed}
	}})
}

// handover gives records to the pipeline until it takes them.
type handover struct {
	consumer.Logs
	logger *zap.Logger
	// failed is true once records were given up because the receiver was stopped.
	failed atomic.Bool
}

func (h *handover) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		// The pipeline changes what it is given, even where it then fails.
		attempt := plog.NewLogs()
		logs.CopyTo(attempt)
		err := h.Logs.ConsumeLogs(ctx, attempt)
		if err == nil {
			return nil
		}
		h.logger.Warn("the pipeline did not take the records; they are handed over again",
			zap.Error(err), zap.Int("records", logs.LogRecordCount()), zap.Duration("wait", wait))
		select {
		case <-ctx.Done():
			h.failed.Store(true)
			return err
		case <-time.After(wait):
		}
	}
}

// checkpoints takes no change any more once it is sealed.
type checkpoints struct {
	storage.Client
	sealed *atomic.Bool
}

func (c *checkpoints) Set(ctx context.Context, key string, value []byte) error {
	return c.Batch(ctx, storage.SetOperation(key, value))
}

func (c *checkpoints) Delete(ctx context.Context, key string) error {
	return c.Batch(ctx, storage.DeleteOperation(key))
}

func (c *checkpoints) Batch(ctx context.Context, ops ...*storage.Operation) error {
	if c.sealed.Load() {
		return errSealed
	}
	return c.Client.Batch(ctx, ops...)
}
