package opensearchlogs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

const (
	maxResponseBytes = 64 << 20
	// Only what decides is asked for: a bulk of a thousand answers in a few kilobytes.
	bulkPath = "/_bulk?filter_path=items.*.status,items.*.error.type,items.*.error.reason"
)

// Whole requests that the store refuses for what is in them; halves of them may pass.
var (
	errTooLarge = errors.New("the store refused the request as too large")
	errUnread   = errors.New("the store could not read the request")
)

// maxUnread bounds how many requests of one bulk may be refused as unreadable
// while what cannot be read is looked for: eleven find one record in two thousand,
// and a server that is no store is not asked thousands of times.
const maxUnread = 64

// itemError is the store's reason for refusing one document. The reason may
// quote the document, so it is stored beside it and never logged.
type itemError struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
}

type itemResult struct {
	// Status is 0 where nothing is known of the record.
	Status int       `json:"status"`
	Error  itemError `json:"error"`
	// whole says that the store did not answer for the record but for a request that held it alone.
	whole bool
}

type bulkResponse struct {
	Items []map[string]itemResult `json:"items"`
}

// bulk creates the documents and returns the store's answer for each, in order.
// An error means that nothing is known of any of them and all are to be sent again.
// A request that is refused for what is in it is halved until the record is found.
func (s *sink) bulk(ctx context.Context, docs []document) ([]itemResult, error) {
	unread := 0
	results := make([]itemResult, 0, len(docs))
	for len(results) < len(docs) {
		rest := docs[len(results):]
		some := rest[:min(len(rest), s.pace.limit())]
		began := time.Now()
		answers, err := s.halved(ctx, some, &unread)
		if err != nil && len(results) == 0 {
			return nil, err
		}
		if err != nil { // of those that were not asked for nothing is known
			return append(results, make([]itemResult, len(rest))...), nil
		}
		s.pace.took(len(some), time.Since(began))
		results = append(results, answers...)
	}
	return results, nil
}

func (s *sink) halved(ctx context.Context, docs []document, unread *int) ([]itemResult, error) {
	results, err := s.post(ctx, docs)
	switch {
	case errors.Is(err, errTooLarge):
	case errors.Is(err, errUnread):
		if *unread++; *unread > maxUnread {
			return make([]itemResult, len(docs)), nil
		}
	default:
		return results, err
	}
	if len(docs) == 1 {
		status, kind := http.StatusBadRequest, "request_unreadable"
		if errors.Is(err, errTooLarge) {
			status, kind = http.StatusRequestEntityTooLarge, "request_too_large"
		}
		reason := fmt.Sprintf("a request with this record alone, %d bytes, is answered HTTP %d", len(docs[0].source), status)
		return []itemResult{{Status: status, Error: itemError{kind, reason}, whole: true}}, nil
	}
	half := len(docs) / 2
	first, err := s.halved(ctx, docs[:half], unread)
	if err != nil {
		return nil, err
	}
	second, err := s.halved(ctx, docs[half:], unread)
	if err != nil {
		return nil, err
	}
	return append(first, second...), nil
}

func (s *sink) post(ctx context.Context, docs []document) ([]itemResult, error) {
	var body bytes.Buffer
	for _, doc := range docs {
		action, err := json.Marshal(map[string]any{"create": map[string]string{"_index": doc.index, "_id": doc.id}})
		if err != nil {
			return nil, err
		}
		body.Write(action)
		body.WriteByte('\n')
		body.Write(doc.source)
	}
	url, other := s.nodes.one()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, &body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	if s.config.User != "" {
		request.SetBasicAuth(s.config.User, string(s.config.Password))
	}
	response, err := s.client.Do(request)
	if err != nil {
		other()
		return nil, &silence{fmt.Errorf("the store cannot be reached: %w", err)}
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
		_ = response.Body.Close()
	}()
	if response.StatusCode >= http.StatusInternalServerError {
		other()
	}
	if response.StatusCode != http.StatusOK {
		return nil, s.refusal(response, len(docs))
	}
	s.authenticated()

	var answer bulkResponse
	if err := json.NewDecoder(io.LimitReader(response.Body, maxResponseBytes)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("the store's answer cannot be read: %w", err)
	}
	if len(answer.Items) != len(docs) {
		return nil, fmt.Errorf("the store answered for %d of %d records", len(answer.Items), len(docs))
	}
	results := make([]itemResult, len(docs))
	for i, item := range answer.Items {
		results[i] = item["create"]
	}
	return results, nil
}

// silence is the error of a store that gives no answer.
type silence struct{ error }

func (e *silence) Unwrap() error { return e.error }

// answered is the error of a store that answers for a whole request.
type answered struct{ status, records int }

func (e *answered) Error() string {
	return fmt.Sprintf("the store answered HTTP %d to a bulk of %d records", e.status, e.records)
}

// reasonOf names why nothing is known of a whole request, for a label of few values.
func reasonOf(err error) string {
	var status *answered
	var none *silence
	switch {
	case errors.As(err, &status):
		return "http_" + strconv.Itoa(status.status)
	case errors.As(err, &none):
		return "no_answer"
	}
	return "answer_unreadable"
}

// refusal turns an HTTP status into an error to retry; no status is final.
func (s *sink) refusal(response *http.Response, count int) error {
	var err error = &answered{response.StatusCode, count}
	switch response.StatusCode {
	case http.StatusRequestEntityTooLarge:
		return errors.Join(errTooLarge, err)
	case http.StatusBadRequest:
		return errors.Join(errUnread, err)
	case http.StatusUnauthorized, http.StatusForbidden:
		s.unauthenticated(response.StatusCode)
	}
	if seconds, parseErr := strconv.Atoi(response.Header.Get("Retry-After")); parseErr == nil && seconds > 0 {
		return exporterhelper.NewThrottleRetry(err, time.Duration(min(seconds, 300))*time.Second)
	}
	return err
}
