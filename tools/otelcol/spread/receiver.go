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

// pause is how long a receiver that was connected but did not answer in time is not asked.
const pause = 5 * time.Second

// errAway is in the error of a receiver that did not answer: another may take its place.
var errAway = errors.New("the receiver does not answer")

// receiver is one endpoint, and whether it answers.
type receiver struct {
	config  configgrpc.ClientConfig
	timeout time.Duration
	logger  *zap.Logger
	conn    *grpc.ClientConn
	send    consumer.ConsumeTracesFunc
	// away is set while no connection can be had, paused is until when it is not asked.
	away   atomic.Bool
	paused atomic.Int64
}

func newReceiver(endpoint string, config *Config, logger *zap.Logger) *receiver {
	r := &receiver{config: config.ClientConfig, timeout: config.Timeout, logger: logger.With(zap.String("endpoint", endpoint))}
	r.config.Endpoint = endpoint
	r.send = halving.Traces(r.export, r.logger)
	return r
}

func (r *receiver) open(ctx context.Context, host component.Host, set component.TelemetrySettings) error {
	again := grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: r.timeout}
	again.Backoff.BaseDelay, again.Backoff.MaxDelay = 200*time.Millisecond, 2*time.Second
	conn, err := r.config.ToClientConn(ctx, host, set, configgrpc.WithGrpcDialOption(grpc.WithConnectParams(again)))
	r.conn = conn
	return err
}

// watch keeps the connection, and knows at any time whether there is one.
func (r *receiver) watch(ctx context.Context) {
	for {
		state := r.conn.GetState()
		switch state {
		case connectivity.Idle:
			r.conn.Connect()
		case connectivity.TransientFailure:
			if !r.away.Swap(true) {
				r.logger.Warn("does not answer; its traces go to the next")
			}
		case connectivity.Ready:
			if r.away.Swap(false) {
				r.logger.Info("answers again; its traces return to it")
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
	bounded, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	answer, err := ptraceotlp.NewGRPCClient(r.conn).Export(bounded, ptraceotlp.NewExportRequestFromTraces(traces))
	if err == nil {
		if partial := answer.PartialSuccess(); partial.RejectedSpans() > 0 {
			r.logger.Error("spans were rejected", zap.Int64("spans", partial.RejectedSpans()), zap.String("reason", partial.ErrorMessage()))
		}
		return nil
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.Aborted, codes.Canceled, codes.OutOfRange, codes.DataLoss:
		if ctx.Err() == nil && r.conn.GetState() != connectivity.Ready {
			return errors.Join(errAway, err)
		}
		// It is there, and has no room at present: its traces wait for it, otherwise they would be split.
		return err
	case codes.DeadlineExceeded:
		if ctx.Err() == nil {
			r.paused.Store(time.Now().Add(pause).UnixNano())
			return errors.Join(errAway, err)
		}
		return err
	case codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented, codes.NotFound:
		return errors.Join(errAway, err)
	}
	return consumererror.NewPermanent(err)
}
