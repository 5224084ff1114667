package opensearchlogs

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
)

// verdict is what an answer means for the record.
type verdict int

const (
	later verdict = iota // the store cannot take it now
	taken
	known // it was taken by an earlier attempt
	never // the store will never take it: its content, or the name of its index
)

// judge tells a record that can never be taken from a store that cannot take it
// now. The limit on shards is reported as 400, and a block on an index as 403;
// both pass. A name that the store or our role does not allow is 404 or 403; a
// store that is not set up yet may say the same, which shows when the rejected
// index is not allowed either.
func judge(result itemResult) verdict {
	switch status := result.Status; {
	case status/100 == 2:
		return taken
	case status == http.StatusConflict:
		return known
	case status == http.StatusBadRequest && result.Error.Type != "validation_exception",
		status == http.StatusRequestEntityTooLarge, misnamed(result):
		return never
	}
	return later
}

// misnamed says that it is the index's name that was refused.
func misnamed(result itemResult) bool {
	return result.Status == http.StatusNotFound ||
		result.Status == http.StatusForbidden && result.Error.Type != "cluster_block_exception"
}

// reason names the answer, for a label of few values.
func (r itemResult) reason() string {
	switch {
	case r.Error.Type != "":
		return r.Error.Type
	case r.Status == 0:
		return "not_asked"
	}
	return "status_" + strconv.Itoa(r.Status)
}

func said(reasons map[string]int) string {
	var out []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		out = append(out, fmt.Sprintf("%d for %s", reasons[reason], reason))
	}
	return strings.Join(out, ", ")
}

const (
	// attempts that one record may fail, for a reason that is the record's or
	// unknown, while the store takes others.
	attempts   = 5
	maxWatched = 10_000
)

// patience counts attempts by record. It forgets with a restart, which costs
// some attempts more.
type patience struct {
	mu     sync.Mutex
	failed map[string]int
}

// exhausted says that a record has failed too often to be waited for. What says
// that the store has no room or time is waited for without end.
func (p *patience) exhausted(id string, result itemResult) bool {
	switch result.Status {
	case 0, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false
	}
	if result.Error.Type == "validation_exception" || result.Error.Type == "cluster_block_exception" {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil || len(p.failed) >= maxWatched {
		p.failed = map[string]int{}
	}
	p.failed[id]++
	if p.failed[id] < attempts {
		return false
	}
	delete(p.failed, id)
	return true
}

// refusedRecord is a record that its index will never take, and why.
type refusedRecord struct {
	position int
	result   itemResult
}

// boundedBytes of a record are kept where the store takes no more of it; and
// loggedBytes in the collector's log where it takes nothing at all.
const (
	boundedBytes = 16 << 10
	loggedBytes  = 2 << 10
)

// attempt is one way to keep a refused record in the rejected index: dated like
// the record or today, whole or only its beginning.
type attempt struct {
	refusedRecord
	doc            document
	today, bounded bool
	answer         itemResult
}

// keepRefused writes refused records to the rejected index, and adds to `again`
// those that could not be written there for now. `works` says that the store took
// others of the same bulk.
func (s *sink) keepRefused(ctx context.Context, docs []document, refused []refusedRecord, again map[int]itemResult, works bool) error {
	if len(refused) == 0 {
		return nil
	}
	types := map[string]int{}
	pending := make([]attempt, 0, len(refused))
	for _, record := range refused {
		types[record.result.reason()]++
		pending = append(pending, attempt{refusedRecord: record, doc: docs[record.position], today: misnamed(record.result)})
	}
	s.set.Logger.Warn("the store will never take some records; they go to the rejected index",
		zap.Any("records_by_error_type", types), zap.String("rejected_index", s.config.RejectedIndex))
	for len(pending) > 0 {
		wrapped := make([]document, 0, len(pending))
		for _, a := range pending {
			doc, err := s.rejected(a)
			if err != nil {
				return err
			}
			wrapped = append(wrapped, doc)
		}
		answers, err := s.bulk(ctx, wrapped)
		if err != nil {
			for _, a := range pending {
				a.result.Error.Type = reasonOf(err)
				again[a.position] = a.result
			}
			return err
		}
		pending = s.kept(ctx, pending, answers, again, works)
	}
	return nil
}

// kept sorts the answers of the rejected index and returns what is to be tried otherwise.
func (s *sink) kept(ctx context.Context, pending []attempt, answers []itemResult, again map[int]itemResult, works bool) []attempt {
	var rest []attempt
	for i, a := range pending {
		a.answer = answers[i]
		switch verdict := judge(a.answer); {
		case verdict == taken:
			s.counts.rejected.add(ctx, 1, a.result.reason())
		case verdict == known:
			// An earlier attempt that got no answer, or the same record read again.
			s.counts.duplicates.add(ctx, 1, "")
		case verdict == later || a.answer.whole && a.bounded:
			again[a.position] = a.answer
		case misnamed(a.answer) && !a.today:
			a.today = true
			rest = append(rest, a)
		case !misnamed(a.answer) && !a.bounded:
			a.bounded, a.today = true, true
			rest = append(rest, a)
		case misnamed(a.answer) && !(works && s.patience.exhausted(a.doc.id, a.answer)):
			// Neither index is allowed: the store is not set up yet.
			again[a.position] = a.answer
		default:
			s.counts.lost.add(ctx, 1, a.answer.reason())
			s.set.Logger.Error("a record is lost: not even the rejected index takes it",
				zap.String("error_type", a.result.Error.Type), zap.String("rejected_index_error_type", a.answer.Error.Type),
				zap.String("service", a.doc.service), zap.String("beginning", beginning(string(a.doc.source), loggedBytes)))
		}
	}
	return rest
}

// rejected wraps a refused document so that no mapping can refuse it again.
func (s *sink) rejected(a attempt) (document, error) {
	doc := a.doc
	day, message, reason := doc.day, string(doc.source), a.result.Error.Reason
	if a.today {
		day = time.Now().UTC()
	}
	if a.bounded {
		message, reason = beginning(message, boundedBytes), beginning(reason, 1024)
	}
	source, err := encode(map[string]any{
		"timestamp":    day.Format(timeLayout),
		"service":      doc.service,
		"message":      message,
		"error.type":   a.result.reason(),
		"error.reason": reason,
	})
	doc.source = source
	doc.index = s.config.RejectedIndex + "-" + day.Format(s.config.Index.DateLayout)
	return doc, err
}

// beginning cuts between characters, and says so.
func beginning(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return fmt.Sprintf("%s… (%d bytes more)", text[:limit], len(text)-limit)
}
