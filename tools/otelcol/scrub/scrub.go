// Package scrub is a processor that blots patterns out of logs and traces,
// wherever they stand: names, messages, bodies, attributes of any type and depth,
// their keys, events, links and resources.
//
// The contributed redaction processor leaves span names, status messages and
// event names alone, turns nested attributes into text and has one mask for all
// patterns; replace_all_patterns of the transform processor does not descend.
package scrub

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// Type is the processor's name in a configuration.
var Type = component.MustNewType("scrub")

// Config lists what is blotted out, in this order.
type Config struct {
	Patterns []Pattern `mapstructure:"patterns"`
	// IgnoreKeys are attributes whose values are left alone, such as ids that
	// could look like a pattern by chance.
	IgnoreKeys []string `mapstructure:"ignore_keys"`
}

// Pattern is a regular expression and what each match becomes, literally.
type Pattern struct {
	Name        string `mapstructure:"name"`
	Pattern     string `mapstructure:"pattern"`
	Replacement string `mapstructure:"replacement"`
}

// Validate refuses patterns that do not compile or would match everywhere.
func (c *Config) Validate() error {
	var errs []error
	for i, pattern := range c.Patterns {
		compiled, err := regexp.Compile(pattern.Pattern)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("patterns[%d] (%s): %w", i, pattern.Name, err))
		case compiled.MatchString(""):
			errs = append(errs, fmt.Errorf("patterns[%d] (%s): %q matches empty text, so it would match everywhere", i, pattern.Name, pattern.Pattern))
		}
	}
	return errors.Join(errs...)
}

// NewFactory makes the processor known to the collector.
func NewFactory() processor.Factory {
	mutates := processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true})
	return processor.NewFactory(Type, func() component.Config { return &Config{} },
		processor.WithLogs(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			return processorhelper.NewLogs(ctx, set, cfg, next, newScrubber(cfg.(*Config)).logs, mutates)
		}, component.StabilityLevelBeta),
		processor.WithTraces(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			return processorhelper.NewTraces(ctx, set, cfg, next, newScrubber(cfg.(*Config)).traces, mutates)
		}, component.StabilityLevelBeta))
}

type rule struct {
	pattern     *regexp.Regexp
	replacement string
}

type scrubber struct {
	rules  []rule
	ignore map[string]bool
}

func newScrubber(config *Config) *scrubber {
	s := &scrubber{ignore: make(map[string]bool, len(config.IgnoreKeys))}
	for _, pattern := range config.Patterns {
		s.rules = append(s.rules, rule{regexp.MustCompile(pattern.Pattern), pattern.Replacement})
	}
	for _, key := range config.IgnoreKeys {
		s.ignore[key] = true
	}
	return s
}

func (s *scrubber) logs(_ context.Context, logs plog.Logs) (plog.Logs, error) {
	for _, rl := range logs.ResourceLogs().All() {
		s.attributes(rl.Resource().Attributes())
		for _, sl := range rl.ScopeLogs().All() {
			s.attributes(sl.Scope().Attributes())
			for _, record := range sl.LogRecords().All() {
				s.value(record.Body())
				s.attributes(record.Attributes())
			}
		}
	}
	return logs, nil
}

func (s *scrubber) traces(_ context.Context, traces ptrace.Traces) (ptrace.Traces, error) {
	for _, rs := range traces.ResourceSpans().All() {
		s.attributes(rs.Resource().Attributes())
		for _, ss := range rs.ScopeSpans().All() {
			s.attributes(ss.Scope().Attributes())
			for _, span := range ss.Spans().All() {
				s.span(span)
			}
		}
	}
	return traces, nil
}

func (s *scrubber) span(span ptrace.Span) {
	if name, changed := s.text(span.Name()); changed {
		span.SetName(name)
	}
	if message, changed := s.text(span.Status().Message()); changed {
		span.Status().SetMessage(message)
	}
	s.attributes(span.Attributes())
	for _, event := range span.Events().All() {
		if name, changed := s.text(event.Name()); changed {
			event.SetName(name)
		}
		s.attributes(event.Attributes())
	}
	for _, link := range span.Links().All() {
		s.attributes(link.Attributes())
	}
}

// attributes scrubs values first, then the keys that hold a match.
func (s *scrubber) attributes(attributes pcommon.Map) {
	var renamed []string
	for key, value := range attributes.All() {
		if s.ignore[key] {
			continue
		}
		s.value(value)
		if _, changed := s.text(key); changed {
			renamed = append(renamed, key)
		}
	}
	for _, key := range renamed {
		name, _ := s.text(key)
		value, _ := attributes.Get(key)
		kept := pcommon.NewValueEmpty()
		value.CopyTo(kept)
		attributes.Remove(key)
		kept.CopyTo(attributes.PutEmpty(name))
	}
}

// value scrubs in place; a number that matches becomes text.
func (s *scrubber) value(value pcommon.Value) {
	switch value.Type() {
	case pcommon.ValueTypeMap:
		s.attributes(value.Map())
	case pcommon.ValueTypeSlice:
		for _, item := range value.Slice().All() {
			s.value(item)
		}
	case pcommon.ValueTypeBytes:
		if text, changed := s.text(string(value.Bytes().AsRaw())); changed {
			value.Bytes().FromRaw([]byte(text))
		}
	case pcommon.ValueTypeEmpty, pcommon.ValueTypeBool:
	default:
		if text, changed := s.text(value.AsString()); changed {
			value.SetStr(text)
		}
	}
}

func (s *scrubber) text(text string) (string, bool) {
	before := text
	for _, rule := range s.rules {
		if rule.pattern.MatchString(text) {
			text = rule.pattern.ReplaceAllLiteralString(text, rule.replacement)
		}
	}
	return text, text != before
}
