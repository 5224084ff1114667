package logrecord

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// recorder makes records of what it is given.
type recorder struct {
	config   *Config
	schema   *schema
	sources  map[string]*source
	labels   []pair // sorted, so that records look alike
	enrich   []pair
	limits   map[string]uint64 // level -> of the first 32 bits of a hash, those below are kept
	problems metric.Int64Counter
	sampled  metric.Int64Counter
	records  metric.Int64Counter
	now      func() time.Time
	services *services
}

type pair struct{ key, value string }

type source struct {
	format  string
	pattern *regexp.Regexp
	groups  []string
	zone    *time.Location
}

func newRecorder(config *Config, set component.TelemetrySettings) (*recorder, error) {
	meter := set.MeterProvider.Meter("observability-suite/otelcol/logrecord")
	problems, err := meter.Int64Counter("otelcol_logrecord_problem_records", metric.WithUnit("{records}"),
		metric.WithDescription("Records of which something was not understood, by service and what: format, time, level or field."))
	sampled, other := meter.Int64Counter("otelcol_logrecord_sampled_records", metric.WithUnit("{records}"),
		metric.WithDescription("Records that sampling by level did not keep."))
	records, third := meter.Int64Counter("otelcol_logrecord_records", metric.WithUnit("{records}"),
		metric.WithDescription("Records that were made, by service, before sampling."))
	r := &recorder{
		config: config, schema: newSchema(config.Fields), sources: map[string]*source{},
		labels: sorted(config.Labels), enrich: sorted(config.Enrichment), limits: map[string]uint64{},
		problems: problems, sampled: sampled, records: records, now: time.Now, services: &services{known: map[string]bool{}},
	}
	for name, given := range config.Sources {
		made := &source{format: given.Format}
		if given.Format == "regex" {
			made.pattern = regexp.MustCompile(given.Pattern)
			made.groups = made.pattern.SubexpNames()
		}
		if made.zone, err = time.LoadLocation(given.Timezone); err != nil {
			return nil, err
		}
		r.sources[name] = made
	}
	for level, share := range config.Sampling {
		if share < 1 {
			r.limits[level] = uint64(math.Round(share * (1 << 32)))
		}
	}
	sampled.Add(context.Background(), 0)
	return r, errors.Join(err, other, third)
}

func sorted(values map[string]string) []pair {
	found := make([]pair, 0, len(values))
	for key, value := range values {
		found = append(found, pair{key, value})
	}
	sort.Slice(found, func(i, j int) bool { return found[i].key < found[j].key })
	return found
}

// parsed stands for the source of records that come parsed already.
var parsed = &source{format: "parsed", zone: time.UTC}

func (r *recorder) logs(ctx context.Context, logs plog.Logs) (plog.Logs, error) {
	now := r.now()
	dropped := 0
	logs.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		resource := rl.Resource().Attributes()
		from := parsed
		if name, ok := resource.Get("log.source"); ok {
			if known := r.sources[name.AsString()]; known != nil {
				from = known
			} else {
				from = &source{format: "text", zone: time.UTC}
			}
		}
		service := textAt(resource, "service")
		if service == "" {
			service = textAt(resource, "service.name")
		}
		made := 0
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			made += sl.LogRecords().Len()
			sl.LogRecords().RemoveIf(func(record plog.LogRecord) bool {
				d := draft{recorder: r, source: from, record: record, now: now, service: service}
				d.fill()
				r.count(ctx, service, d.problems)
				if r.thinnedOut(&d) {
					dropped++
					return true
				}
				return false
			})
			return sl.LogRecords().Len() == 0
		})
		r.records.Add(ctx, int64(made), metric.WithAttributeSet(attribute.NewSet(attribute.String("log_service", r.services.name(service)))))
		return rl.ScopeLogs().Len() == 0
	})
	if dropped > 0 {
		r.sampled.Add(ctx, int64(dropped))
	}
	if logs.ResourceLogs().Len() == 0 {
		return logs, processorhelper.ErrSkipProcessingData
	}
	return logs, nil
}

func textAt(attributes pcommon.Map, key string) string {
	if value, ok := attributes.Get(key); ok {
		return value.AsString()
	}
	return ""
}

// identify gives a line its id, made of file, offset and text, unless its reader did.
func (d *draft) identify(body string) string {
	attributes := d.record.Attributes()
	if given := textAt(attributes, d.config.IDAttribute); given != "" {
		return given
	}
	path := textAt(attributes, "log.file.path")
	if path == "" {
		return ""
	}
	if dot := strings.LastIndexByte(path, '.'); dot >= 0 && dot+1 < len(path) && digits(path[dot+1:]) == len(path)-dot-1 {
		path = path[:dot]
	}
	sum := sha256.Sum256([]byte(path + "\n" + textAt(attributes, "log.file.record_offset") + "\n" + body))
	return hex.EncodeToString(sum[:])
}

// thinnedOut chooses by trace where there is one, so that the lines of one request
// stay or go together. A record that does not say its level is kept.
func (r *recorder) thinnedOut(d *draft) bool {
	limit, ok := r.limits[d.level]
	if !ok || !d.levelSaid {
		return false
	}
	key := d.uid
	if trace := textAt(d.record.Attributes(), "trace_id"); len(trace) == 32 {
		key = trace
	}
	sum := sha256.Sum256([]byte(key))
	return uint64(binary.BigEndian.Uint32(sum[:4])) >= limit
}

// maxServices bounds the values of the label `log_service`.
const maxServices = 500

type services struct {
	mu    sync.Mutex
	known map[string]bool
}

func (s *services) name(service string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known[service] {
		if len(s.known) >= maxServices || len(service) > 100 {
			return "other"
		}
		s.known[service] = true
	}
	return service
}

// count counts each kind of problem once a record.
func (r *recorder) count(ctx context.Context, service string, problems []problem) {
	var seen [kinds]bool
	for _, found := range problems {
		if !seen[found.kind] {
			seen[found.kind] = true
			r.problems.Add(ctx, 1, metric.WithAttributeSet(attribute.NewSet(
				attribute.String("log_service", r.services.name(service)), attribute.String("problem", found.kind.String()))))
		}
	}
}
