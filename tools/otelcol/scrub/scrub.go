// Package scrub is a processor that blots patterns out of logs, traces and
// metrics, wherever they stand: names, messages, bodies, attributes of any type
// and depth, their keys, events, links, scopes and resources.
//
// The contributed redaction processor leaves span names, status messages and
// event names alone, turns nested attributes into text and has one mask for all
// patterns; replace_all_patterns of the transform processor does not descend.
// Neither knows a check digit, nor looks behind an escape.
//
// It has to be the last that touches a text before it is stored: whoever cuts,
// decodes or joins afterwards could bring to light what was not seen here.
package scrub

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// Type is the processor's name in a configuration.
var Type = component.MustNewType("scrub")

// NewFactory makes the processor known to the collector.
func NewFactory() processor.Factory {
	mutates := processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true})
	return processor.NewFactory(Type, func() component.Config { return &Config{} },
		processor.WithLogs(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			return processorhelper.NewLogs(ctx, set, cfg, next, newScrubber(cfg.(*Config)).logs, mutates)
		}, component.StabilityLevelBeta),
		processor.WithMetrics(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
			return processorhelper.NewMetrics(ctx, set, cfg, next, newScrubber(cfg.(*Config)).metrics, mutates)
		}, component.StabilityLevelBeta),
		processor.WithTraces(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			return processorhelper.NewTraces(ctx, set, cfg, next, newScrubber(cfg.(*Config)).traces, mutates)
		}, component.StabilityLevelBeta))
}

type scrubber struct {
	rules []rule
	ids   map[string]bool
}

func newScrubber(config *Config) *scrubber {
	s := &scrubber{ids: make(map[string]bool, len(config.IDs))}
	for _, pattern := range config.Patterns {
		s.rules = append(s.rules, newRule(pattern))
	}
	for _, key := range config.IDs {
		s.ids[plainKey(key)] = true
	}
	return s
}

// attributes scrubs values first, then the keys that hold a match.
func (s *scrubber) attributes(attributes pcommon.Map) {
	var renamed []string
	for key, value := range attributes.All() {
		if value.Type() != pcommon.ValueTypeStr || !s.isWholeID(key, value.Str(), attributes) {
			s.value(value, key)
		}
		if _, changed := s.text(key, ""); changed {
			renamed = append(renamed, key)
		}
	}
	for _, key := range renamed {
		name, _ := s.text(key, "")
		value, _ := attributes.Get(key)
		kept := pcommon.NewValueEmpty()
		value.CopyTo(kept)
		attributes.Remove(key)
		kept.CopyTo(attributes.PutEmpty(free(attributes, name)))
	}
}

// free is the name, with a number where another key became the same.
func free(attributes pcommon.Map, name string) string {
	found := name
	for number := 2; ; number++ {
		if _, taken := attributes.Get(found); !taken {
			return found
		}
		found = name + "-" + strconv.Itoa(number)
	}
}

// value scrubs in place; a number that matches becomes text.
func (s *scrubber) value(value pcommon.Value, key string) {
	switch value.Type() {
	case pcommon.ValueTypeMap:
		s.attributes(value.Map())
	case pcommon.ValueTypeSlice:
		for _, item := range value.Slice().All() {
			s.value(item, key)
		}
	case pcommon.ValueTypeBytes:
		if text, changed := s.text(string(value.Bytes().AsRaw()), ""); changed {
			value.Bytes().FromRaw([]byte(text))
		}
	case pcommon.ValueTypeStr:
		if text, changed := s.text(value.Str(), key); changed {
			value.SetStr(text)
		}
	case pcommon.ValueTypeInt:
		if text, changed := s.text(strconv.FormatInt(value.Int(), 10), key); changed {
			value.SetStr(text)
		}
	case pcommon.ValueTypeDouble:
		if text, changed := s.text(decimal(value.Double()), key); changed {
			value.SetStr(text)
		}
	default: // an empty value, or a boolean
	}
}

// decimal writes a number as the store will show it: 4111111111111111, not 4.1e15.
func decimal(number float64) string {
	if math.Abs(number) < 1e21 {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
	return strconv.FormatFloat(number, 'g', -1, 64)
}

// text returns the text without any match, and whether there was one. `key` is
// the attribute whose value it is, if any: it tells what a number is about.
func (s *scrubber) text(text, key string) (string, bool) {
	changed := false
	for i := range s.rules {
		rule := &s.rules[i]
		if rule.possible(text) {
			if spans := rule.find(text, key); len(spans) > 0 {
				text, changed = replace(text, spans, rule.replacement), true
			}
		}
		layers := newLayers(text)
		for layers.peel() {
			if !rule.possible(layers.text) {
				continue
			}
			spans := outside(text, layers.outer(rule.find(layers.text, key)), rule.replacement)
			if len(spans) > 0 {
				text, changed = replace(text, spans, rule.replacement), true
				layers = layersOf(text, layers.depth)
			}
		}
	}
	return text, changed
}

// span is a piece of a text, from start to before end.
type span struct{ start, end int }

// outside leaves out spans in which the replacement stands already.
func outside(text string, spans []span, replacement string) []span {
	if replacement == "" {
		return spans
	}
	return slices.DeleteFunc(spans, func(s span) bool {
		first := max(0, s.start-len(replacement))
		near := text[first:min(len(text), s.end+len(replacement))]
		at := strings.Index(near, replacement)
		return at >= 0 && first+at < s.end && first+at+len(replacement) > s.start
	})
}

// replace puts the replacement in the place of each span; they ascend and lie apart.
func replace(text string, spans []span, replacement string) string {
	var out strings.Builder
	out.Grow(len(text) + len(spans)*len(replacement))
	at := 0
	for _, span := range spans {
		out.WriteString(text[at:span.start])
		out.WriteString(replacement)
		at = span.end
	}
	out.WriteString(text[at:])
	return out.String()
}
