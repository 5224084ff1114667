// Package spread is an exporter that sends all spans of a trace to the same one of
// several receivers, so that each of them sees whole traces.
//
// Which one is a matter of the trace id and of the receivers' addresses alone
// (rendezvous hashing): whoever sends a span of a trace finds the same. The traces of
// a receiver that does not answer go to the next by that order, those of all others
// stay where they are, and when it answers again its own return to it. While none
// answers, spans wait in the queue.
//
// Upstream's loadbalancing exporter does the like; no registry carries it.
package spread

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

// Type is the exporter's name in a configuration.
var Type = component.MustNewType("spread")

// Config is the exporter's part of the collector's configuration. The gRPC client,
// the queue and the retries are the collector's own, so that their keys mean what
// they mean for every other exporter.
type Config struct {
	configgrpc.ClientConfig `mapstructure:",squash"`

	// Endpoints are the receivers, `host:port`, in any order, but spelled alike by
	// whoever sends to them.
	Endpoints []string `mapstructure:"endpoints"`
	// Timeout is how long a receiver may take to answer before it is asked again.
	Timeout time.Duration `mapstructure:"timeout"`
	// Patience is how long a receiver may answer nothing before its traces go to another.
	// One that is gone, or answers no ping, is known sooner.
	Patience time.Duration `mapstructure:"patience"`
	// Remember is how long spans that a receiver took are remembered, to be sent again when
	// it dies, or their traces return to another; RememberBytes bounds them. 0 is not at all.
	Remember      time.Duration `mapstructure:"remember"`
	RememberBytes int           `mapstructure:"remember_bytes"`

	Queue exporterhelper.QueueBatchConfig `mapstructure:"sending_queue"`
	Retry configretry.BackOffConfig       `mapstructure:"retry_on_failure"`
}

// Validate refuses what would lose spans or split traces.
func (c *Config) Validate() error {
	var errs []error
	seen := map[string]bool{}
	for _, endpoint := range c.Endpoints {
		if endpoint == "" || seen[endpoint] {
			errs = append(errs, fmt.Errorf("`endpoints` has %q: expected addresses, each once", endpoint))
		}
		seen[endpoint] = true
	}
	if len(c.Endpoints) == 0 {
		errs = append(errs, errors.New("`endpoints` is empty: expected the receivers' addresses"))
	}
	if c.Endpoint != "" {
		errs = append(errs, errors.New("`endpoint` is given: expected `endpoints` alone"))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("`timeout` is %s: expected more than 0", c.Timeout))
	}
	if c.Patience < c.Timeout {
		errs = append(errs, fmt.Errorf("`patience` is %s: expected no less than `timeout`, %s", c.Patience, c.Timeout))
	}
	if c.Remember < 0 || c.Remember > 0 && c.RememberBytes <= 0 {
		errs = append(errs, fmt.Errorf("`remember` is %s and `remember_bytes` %d: expected a time and room for it, or 0", c.Remember, c.RememberBytes))
	}
	if !c.Retry.Enabled || c.Retry.MaxElapsedTime != 0 {
		errs = append(errs, errors.New("`retry_on_failure` must be enabled with max_elapsed_time 0: giving up would lose spans"))
	}
	return errors.Join(errs...)
}

// NewFactory makes the exporter known to the collector.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(Type, defaults, exporter.WithTraces(create, component.StabilityLevelBeta))
}

func defaults() component.Config {
	client := configgrpc.NewDefaultClientConfig()
	client.Compression = configcompression.TypeGzip
	// A host that is gone closes no connection: only that it does not answer tells.
	alive := client.Keepalive.GetOrInsertDefault()
	alive.Time, alive.Timeout, alive.PermitWithoutStream = 10*time.Second, 10*time.Second, true
	retry := configretry.NewDefaultBackOffConfig()
	retry.InitialInterval, retry.MaxInterval, retry.MaxElapsedTime = 500*time.Millisecond, 5*time.Second, 0
	return &Config{
		ClientConfig:  client,
		Timeout:       15 * time.Second,
		Patience:      time.Minute,
		RememberBytes: 16 << 20,
		Queue:         exporterhelper.NewDefaultQueueConfig(),
		Retry:         retry,
	}
}

func create(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	config := cfg.(*Config)
	made := newSpreader(config, set.TelemetrySettings)
	return exporterhelper.NewTraces(ctx, set, cfg, made.push,
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
		// Each receiver is given a time of its own.
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{}),
		exporterhelper.WithRetry(config.Retry),
		exporterhelper.WithQueue(config.Queue),
		exporterhelper.WithStart(made.start),
		exporterhelper.WithShutdown(made.shutdown),
	)
}
