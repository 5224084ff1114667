package points

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"observability-suite/otelcol/plain"
)

const (
	meterName = "observability-suite/otelcol/points"

	// Other stands for services, metrics and labels beyond those that are told apart.
	Other = "other"
	// Unknown is the service of a client that does not say which it is.
	Unknown = "unknown_service"

	// longestHelp bounds a metric's description.
	longestHelp = 256
)

// bounds keeps what each service has on the page.
type bounds struct {
	config    *Config
	forbidden map[string]bool
	tell      *teller
	now       func() time.Time
	seed      maphash.Seed

	mu       sync.Mutex
	services map[string]*service
	// unnamed is how many services beside the configured ones have a place, and
	// pool how many lines those have together.
	unnamed, pool int
	families      map[string]*family
	swept         time.Time
}

// service is what one service has on the page.
type service struct {
	name    string
	named   bool
	series  map[uint64]*series
	samples int
}

type series struct {
	seen    time.Time
	samples int
}

// family is what a metric's name stands for.
type family struct {
	kind, whole string
	help        string
	named       bool
	seen        time.Time
}

func newBounds(config *Config, set component.TelemetrySettings, now func() time.Time) (*bounds, error) {
	tell, err := newTeller(set.MeterProvider.Meter(meterName))
	b := &bounds{
		config:    config,
		forbidden: map[string]bool{},
		tell:      tell,
		now:       now,
		seed:      maphash.MakeSeed(),
		services:  map[string]*service{},
		families:  map[string]*family{},
		swept:     now(),
	}
	for _, name := range config.Forbidden {
		b.forbidden[labelName(name)] = true
	}
	for _, name := range config.Services {
		b.services[name] = &service{name: name, named: true, series: map[uint64]*series{}}
	}
	return b, err
}

func (b *bounds) metrics(ctx context.Context, metrics pmetric.Metrics) (pmetric.Metrics, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep()
	for _, rm := range metrics.ResourceMetrics().All() {
		source, who := b.source(ctx, rm.Resource().Attributes())
		for _, sm := range rm.ScopeMetrics().All() {
			b.scope(sm)
			sm.Metrics().RemoveIf(func(metric pmetric.Metric) bool { return !b.metric(ctx, who, source, sm, metric) })
		}
		// More would become labels of the page, `target_info` among them.
		rm.Resource().Attributes().Clear()
	}
	return metrics, nil
}

// source finds out whose metrics these are; nil where there is no place for them.
func (b *bounds) source(ctx context.Context, resource pcommon.Map) ([][2]string, *service) {
	read := func(key string) string {
		value, ok := resource.Get(key)
		if !ok {
			return ""
		}
		text, cut := labelValue(value, b.config.Length)
		if cut {
			b.tell.tell(ctx, event{Other, "", labelName(key), tooLong, false})
		}
		return strings.TrimSpace(text)
	}
	name := read("service.name")
	if name == "" {
		name = Unknown
	}
	found, ok := b.services[name]
	if !ok {
		if b.unnamed >= b.config.OtherServices {
			return nil, &service{name: Other}
		}
		b.unnamed++
		found = &service{name: name, series: map[uint64]*series{}}
		b.services[name] = found
	}
	labels := [][2]string{{"service", name}}
	if instance := read("service.instance.id"); instance != "" {
		labels = append(labels, [2]string{"instance", instance})
	}
	if namespace := read("service.namespace"); namespace != "" {
		labels = append(labels, [2]string{"service_namespace", namespace})
	}
	return labels, found
}

// scope keeps its name and version, which become labels of every series.
func (b *bounds) scope(metrics pmetric.ScopeMetrics) {
	scope := metrics.Scope()
	scope.SetName(plain.Cut(plain.Text(scope.Name()), b.config.Length))
	scope.SetVersion(plain.Cut(plain.Text(scope.Version()), b.config.Length))
	scope.Attributes().Clear()
	metrics.SetSchemaUrl("")
}

// metric says whether anything of the metric is left.
func (b *bounds) metric(ctx context.Context, who *service, source [][2]string, from pmetric.ScopeMetrics, metric pmetric.Metric) bool {
	name, cut := metricName(metric, b.config.Length)
	told := func(label, reason string) { b.tell.tell(ctx, event{who.name, name, label, reason, who.named}) }
	points := pointsOf(metric)
	kind := kindOf(metric)
	switch {
	case source == nil:
		told("", crowded)
		return false
	case name == "" || ownName(name) || kind == "" || points == nil:
		told("", formless)
		return false
	}
	family := b.family(name, kind, who)
	if family == nil {
		told("", conflict)
		return false
	}
	if family.help == "" {
		family.help = plain.Cut(plain.Text(metric.Description()), longestHelp)
	}
	if cut {
		told("__name__", tooLong)
	}
	metric.SetName(name)
	metric.SetUnit("")
	metric.SetDescription(family.help)
	metric.Metadata().Clear()
	prefix := name + "\x00" + from.Scope().Name() + "\x00" + from.Scope().Version()
	return points(func(point point) bool {
		if point.samples == 0 {
			told("", formless)
			return false
		}
		return b.point(who, source, prefix, point, told)
	})
}

// point says whether the point may be on the page, and gives it its labels.
func (b *bounds) point(who *service, source [][2]string, prefix string, point point, told func(label, reason string)) bool {
	labels := map[string]string{}
	long := ""
	for key, value := range point.attributes.All() {
		name := labelName(key)
		if b.forbidden[name] {
			told(name, forbidden)
			return false
		}
		text, cut := labelValue(value, b.config.Length)
		if cut {
			long = name
		}
		if name == "" || text == "" {
			continue // Prometheus knows no empty label
		}
		if before, twice := labels[name]; twice {
			// As OpenTelemetry's specification has it.
			text, _ = labelValue(pcommon.NewValueStr(before+";"+text), b.config.Length)
		}
		labels[name] = text
	}
	if len(labels) > b.config.Labels {
		told("", tooMany)
		return false
	}
	for _, label := range source {
		labels[label[0]] = label[1]
	}
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	var hash maphash.Hash
	hash.SetSeed(b.seed)
	_, _ = hash.WriteString(prefix)
	point.attributes.Clear()
	for _, name := range names {
		_, _ = hash.WriteString("\x00" + name + "\x01" + labels[name])
		point.attributes.PutStr(name, labels[name])
	}
	if !b.room(who, hash.Sum64(), point.samples) {
		told("", tooDiverse)
		return false
	}
	if long != "" {
		told(long, tooLong)
	}
	return true
}

// room says whether the service may have this series, and keeps its place.
func (b *bounds) room(who *service, key uint64, samples int) bool {
	old := 0
	has, ok := who.series[key]
	if ok {
		old = has.samples
	}
	used := who.samples
	if !who.named {
		used = b.pool
	}
	if used-old+samples > b.config.Samples {
		return false
	}
	if !ok {
		has = &series{}
		who.series[key] = has
	}
	has.seen, has.samples = b.now(), samples
	who.samples += samples - old
	if !who.named {
		b.pool += samples - old
	}
	return true
}

// family is what the name stands for; nil where that is something else. Who
// comes first says what it is, but a configured service goes before others.
func (b *bounds) family(name, kind string, who *service) *family {
	names := []string{name}
	if kind == "histogram" || kind == "summary" {
		names = append(names, name+"_count", name+"_sum")
	}
	if kind == "histogram" {
		names = append(names, name+"_bucket")
	}
	for _, part := range names {
		if has := b.families[part]; has != nil && (has.kind != kind || has.whole != name) && (has.named || !who.named) {
			return nil
		}
	}
	for _, part := range names {
		has := b.families[part]
		if has == nil || has.kind != kind || has.whole != name {
			has = &family{kind: kind, whole: name}
			b.families[part] = has
		}
		has.named = has.named || who.named
		has.seen = b.now()
	}
	return b.families[name]
}

// sweep takes places from what is no longer sent.
func (b *bounds) sweep() {
	now := b.now()
	if now.Sub(b.swept) < b.config.Expiry/10 {
		return
	}
	b.swept = now
	for name, of := range b.services {
		for key, has := range of.series {
			if now.Sub(has.seen) > b.config.Expiry {
				delete(of.series, key)
				of.samples -= has.samples
				if !of.named {
					b.pool -= has.samples
				}
			}
		}
		if !of.named && len(of.series) == 0 {
			delete(b.services, name)
			b.unnamed--
		}
	}
	for name, has := range b.families {
		if now.Sub(has.seen) > b.config.Expiry {
			delete(b.families, name)
		}
	}
}
