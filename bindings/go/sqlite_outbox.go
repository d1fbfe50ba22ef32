package headwater

import "context"

// message is a message of the outbox on its way.
type message struct {
	n                   int64
	id, stream, subject string
	payload             []byte
	tried               *int64
}

// Settle sends what is in the outbox.
func (m *SQLiteModel) Settle(ctx context.Context) error {
	for m.config.Outbox != nil {
		messages, err := m.messages(ctx)
		if len(messages) == 0 || err != nil {
			return err
		}
		var names []string
		byStream := make(map[string][]message)
		for _, it := range messages {
			if byStream[it.stream] == nil {
				names = append(names, it.stream)
			}
			byStream[it.stream] = append(byStream[it.stream], it)
		}
		for _, name := range names {
			stream, err := m.config.Outbox.Stream(ctx, name)
			if err != nil {
				return err
			}
			if err := m.send(ctx, stream, byStream[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *SQLiteModel) messages(ctx context.Context) ([]message, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	query := "SELECT n, id, stream, subject, payload, tried FROM headwater_outbox ORDER BY n LIMIT ?"
	rows, err := m.connection.QueryContext(ctx, query, messagesAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var messages []message
	for rows.Next() {
		var it message
		if err := rows.Scan(&it.n, &it.id, &it.stream, &it.subject, &it.payload, &it.tried); err != nil {
			return nil, err
		}
		messages = append(messages, it)
	}
	return messages, rows.Err()
}

// send sends messages, but for those that were sent before the program ended: they lie behind what was noted.
func (m *SQLiteModel) send(ctx context.Context, stream *Stream, messages []message) error {
	sent, err := sentBefore(ctx, stream, messages)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return err
	}
	note := "UPDATE headwater_outbox SET tried = ? WHERE n = ? AND tried IS NULL"
	if err := m.forEach(ctx, messages, note, int64(info.LastSeq)); err != nil {
		return err
	}
	for _, it := range messages {
		if sent[it.id] {
			continue
		}
		with := []AppendOption{WithMsgID(it.id), WithHeader(outboxHeader, it.id)}
		if _, err := stream.Append(ctx, it.subject, it.payload, with...); err != nil {
			return err
		}
	}
	return m.forEach(ctx, messages, "DELETE FROM headwater_outbox WHERE n = ?")
}

// forEach runs a statement for each message in one transaction, whose last argument is its place.
func (m *SQLiteModel) forEach(ctx context.Context, messages []message, query string, args ...any) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.transaction(ctx, func() error {
		for _, it := range messages {
			if err := m.run(ctx, query, append(args, it.n)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// sentBefore finds those messages that a stream has already.
func sentBefore(ctx context.Context, stream *Stream, messages []message) (map[string]bool, error) {
	var from *int64
	for _, it := range messages {
		if it.tried != nil && (from == nil || *it.tried < *from) {
			from = it.tried
		}
	}
	sent := make(map[string]bool)
	if from == nil {
		return sent, nil
	}
	for record, err := range stream.Records(ctx, ReadOptions{FromSeq: uint64(*from) + 1}) {
		if err != nil {
			return nil, err
		}
		for _, header := range record.Headers {
			if header.Name == outboxHeader {
				sent[header.Value] = true
			}
		}
	}
	return sent, nil
}
