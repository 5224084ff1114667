// Package bound is a processor in front of span metrics. It bounds, by service,
// what becomes a label: how long a value is, how many values a label has, and how
// many series there are.
//
// A scrape that brings too much fails as a whole, so without bounds one client
// with an id in its span names blinds all services. Here it is the offender alone
// that loses detail: what is beyond its bounds is counted as `other`, with its kind
// and status, and told by metric. Services that the configuration names have bounds
// of their own; all others share one, so that invented names take nothing from them.
//
// What was seen is kept in memory: a restart begins anew.
package bound

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// Type is the processor's name in a configuration.
var Type = component.MustNewType("bound")

// Config says what becomes a label, and how much of it.
type Config struct {
	// Dimensions are the attributes of spans or resources that become labels, beside
	// service, span name, kind and status; all others are taken off.
	Dimensions []string `mapstructure:"dimensions"`
	// Services always have a place of their own.
	Services []string `mapstructure:"services"`
	// OtherServices is how many more may have a name.
	OtherServices int `mapstructure:"other_services"`
	// Length bounds the bytes of a value.
	Length int `mapstructure:"length"`
	// Values bounds the values of one label of one service.
	Values int `mapstructure:"values"`
	// Series bounds the combinations of label values of one named service, and of all
	// others together.
	Series int `mapstructure:"series"`
}

// Validate refuses bounds that let nothing through.
func (c *Config) Validate() error {
	var errs []error
	for name, value := range map[string]int{"length": c.Length, "values": c.Values, "series": c.Series} {
		if value < 1 {
			errs = append(errs, fmt.Errorf("%s is %d: expected 1 or more", name, value))
		}
	}
	if c.OtherServices < 0 {
		errs = append(errs, fmt.Errorf("other_services is %d: expected 0 or more", c.OtherServices))
	}
	return errors.Join(errs...)
}

// NewFactory makes the processor known to the collector.
func NewFactory() processor.Factory {
	defaults := func() component.Config {
		return &Config{OtherServices: 50, Length: 512, Values: 250, Series: 500}
	}
	create := func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
		made, err := newBounds(cfg.(*Config), set.TelemetrySettings)
		if err != nil {
			return nil, err
		}
		mutates := processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true})
		return processorhelper.NewTraces(ctx, set, cfg, next, made.traces, mutates)
	}
	return processor.NewFactory(Type, defaults, processor.WithTraces(create, component.StabilityLevelBeta))
}
