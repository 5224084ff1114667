package spread

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"observability-suite/otelcol/halving"
)

const (
	// connect is how long a connection may take.
	connect = 5 * time.Second
	// pause is how long a receiver that was connected but answered nothing for long is not asked.
	pause = 5 * time.Second
)

// errAway is in the error of a receiver that did not answer: another may take its place.
var errAway = errors.New("the receiver does not answer")

// receiver is one endpoint, and whether it answers.
type receiver struct {
	config  configgrpc.ClientConfig
	timeout time.Duration
	logger  *zap.Logger
	conn    *grpc.ClientConn
	send    consumer.ConsumeTracesFunc
	// took is told what was taken, and in which life; turned that it comes or goes.
	took   func(ptrace.Traces, *receiver, int64)
	turned func()
	// patience is how long it may answer nothing while it is connected: slow is not away.
	patience time.Duration
	// away is set while no connection can be had, paused is until when it is not asked.
	away   atomic.Bool
	paused atomic.Int64
	// silent is since when it answers nothing, 0 if it does; lives counts its connections that ended.
	silent atomic.Int64
	lives  atomic.Int64
}

func newReceiver(endpoint string, config *Config, logger *zap.Logger) *receiver {
	r := &receiver{
		config: config.ClientConfig, timeout: config.Timeout, patience: config.Patience,
		logger: logger.With(zap.String("endpoint", endpoint)),
	}
	r.config.Endpoint = endpoint
	r.send = halving.Traces(r.export, r.logger)
	return r
}

func (r *receiver) open(ctx context.Context, host component.Host, set component.TelemetrySettings) error {
	again := grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: connect}
	again.Backoff.BaseDelay, again.Backoff.MaxDelay = 200*time.Millisecond, 2*time.Second
	conn, err := r.config.ToClientConn(ctx, host, set, configgrpc.WithGrpcDialOption(grpc.WithConnectParams(again)))
	r.conn = conn
	return err
}

// watch keeps the connection, and knows at any time whether there is one.
func (r *receiver) watch(ctx context.Context) {
	ready := false
	for {
		state := r.conn.GetState()
		if ready && state != connectivity.Ready {
			// It may have died, and what it had in memory with it.
			r.lives.Add(1)
			r.turned()
		}
		ready = state == connectivity.Ready
		switch state {
		case connectivity.Idle:
			r.conn.Connect()
		case connectivity.TransientFailure:
			if !r.away.Swap(true) {
				r.logger.Warn("does not answer; its traces go to the next")
				r.turned()
			}
		case connectivity.Ready:
			if r.away.Swap(false) {
				r.logger.Info("answers again; its traces return to it")
				r.turned()
			}
		}
		if !r.conn.WaitForStateChange(ctx, state) {
			return
		}
	}
}

func (r *receiver) answers() bool {
	return !r.away.Load() && time.Now().UnixNano() >= r.paused.Load()
}

// export sends traces once. The error has errAway in it if another receiver may take them; it is
// permanent if none ever will.
func (r *receiver) export(ctx context.Context, traces ptrace.Traces) error {
	life := r.lives.Load()
	bounded, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	answer, err := ptraceotlp.NewGRPCClient(r.conn).Export(bounded, ptraceotlp.NewExportRequestFromTraces(traces))
	if status.Code(err) != codes.DeadlineExceeded {
		r.silent.Store(0)
	}
	if err == nil {
		if partial := answer.PartialSuccess(); partial.RejectedSpans() > 0 {
			r.logger.Error("spans were rejected", zap.Int64("spans", partial.RejectedSpans()), zap.String("reason", partial.ErrorMessage()))
		}
		r.took(traces, r, life)
		return nil
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.Aborted, codes.Canceled, codes.OutOfRange, codes.DataLoss, codes.DeadlineExceeded:
		if ctx.Err() == nil && (r.conn.GetState() != connectivity.Ready || r.hangs(err)) {
			return errors.Join(errAway, err)
		}
		// It is there, and has no room at present or is slow: its traces wait for it, otherwise they would be split.
		return err
	case codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented, codes.NotFound:
		return errors.Join(errAway, err)
	}
	return consumererror.NewPermanent(err)
}

// hangs says whether one that is connected answered nothing for so long that it is left alone for a while.
func (r *receiver) hangs(err error) bool {
	if status.Code(err) != codes.DeadlineExceeded {
		return false
	}
	now := time.Now()
	r.silent.CompareAndSwap(0, now.Add(-r.timeout).UnixNano())
	if now.UnixNano()-r.silent.Load() < int64(r.patience) {
		return false
	}
	r.paused.Store(now.Add(pause).UnixNano())
	return true
}
