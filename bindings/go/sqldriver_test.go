package headwater_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/headwater/headwater/bindings/go"
)

func words(t *testing.T) *sql.DB {
	t.Helper()
	_, database := attached(t, headwater.DatabaseConfig{})
	db := pool(t, database)
	must(db.ExecContext(within(t), "CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT UNIQUE, seen REAL, raw BLOB)"))(t)
	return db
}

func countOf(t *testing.T, db *sql.DB) (count int) {
	t.Helper()
	ok(t, db.QueryRowContext(within(t), "SELECT count(*) FROM words").Scan(&count))
	return count
}

func TestRowsAreScannedAndStatementsPrepared(t *testing.T) {
	ctx := within(t)
	db := words(t)
	insert := must(db.PrepareContext(ctx, "INSERT INTO words VALUES (?, ?, ?, ?)"))(t)
	for id, word := range []string{"zero", "one", "two"} {
		must(insert.ExecContext(ctx, id, word, float64(id)/4, []byte{byte(id)}))(t)
	}
	must(insert.ExecContext(ctx, 3, nil, nil, nil))(t)
	ok(t, insert.Close())
	rows := must(db.QueryContext(ctx, "SELECT id, word, seen, raw FROM words ORDER BY id"))(t)
	defer rows.Close()
	columns := must(rows.Columns())(t)
	if len(columns) != 4 || columns[1] != "word" {
		t.Fatal(columns)
	}
	var read []string
	for rows.Next() {
		var id int
		var word sql.NullString
		var seen sql.NullFloat64
		var raw []byte
		ok(t, rows.Scan(&id, &word, &seen, &raw))
		isNull := !word.Valid && !seen.Valid && raw == nil
		if isNull != (id == 3) || !isNull && (raw[0] != byte(id) || seen.Float64 != float64(id)/4) {
			t.Fatal(id, word, seen, raw)
		}
		read = append(read, word.String)
	}
	if ok(t, rows.Err()); len(read) != 4 || read[2] != "two" {
		t.Fatal(read)
	}
	one := must(db.PrepareContext(ctx, "SELECT word FROM words WHERE id = ?"))(t)
	defer one.Close()
	var word string
	if ok(t, one.QueryRowContext(ctx, 1).Scan(&word)); word != "one" {
		t.Fatal(word)
	}
	if err := one.QueryRowContext(ctx, 99).Scan(&word); !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	// What is left unread is given up.
	rows = must(db.QueryContext(ctx, "SELECT id FROM words"))(t)
	rows.Next()
	ok(t, rows.Close())
}

func TestTransactionsCommitAndRollBack(t *testing.T) {
	ctx := within(t)
	db := words(t)
	tx := must(db.BeginTx(ctx, nil))(t)
	must(tx.ExecContext(ctx, "INSERT INTO words(id, word) VALUES (1, 'a')"))(t)
	if countOf(t, db) != 0 {
		t.Fatal("another connection sees what is not committed")
	}
	ok(t, tx.Rollback())
	tx = must(db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}))(t)
	must(tx.ExecContext(ctx, "INSERT INTO words(id, word) VALUES (1, 'a')"))(t)
	ok(t, tx.Commit())
	if countOf(t, db) != 1 {
		t.Fatal("it was committed")
	}
	_, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadUncommitted})
	wantCode(t, err, headwater.ErrUnsupported)

	db.SetMaxOpenConns(1)
	tx = must(db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}))(t)
	_, err = tx.ExecContext(ctx, "DELETE FROM words")
	wantCode(t, err, headwater.ErrUnsupported)
	ok(t, tx.Commit())
	must(db.ExecContext(ctx, "INSERT INTO words(id, word) VALUES (2, 'b')"))(t)
	// What a statement began does not stay for the next user of the connection.
	must(db.ExecContext(ctx, "BEGIN"))(t)
	must(db.ExecContext(ctx, "SELECT 1"))(t)
	tx = must(db.BeginTx(ctx, nil))(t)
	ok(t, tx.Rollback())
}

func TestErrorsOfTheDriverAreOurs(t *testing.T) {
	ctx := within(t)
	db := words(t)
	must(db.ExecContext(ctx, "INSERT INTO words(id, word) VALUES (1, 'a')"))(t)
	for query, code := range map[string]headwater.Code{
		"INSERT INTO words(id, word) VALUES (2, 'a')": headwater.ErrConflict,
		"INSERT INTO nowhere VALUES (1)":              headwater.ErrInvalid,
		"SELECT ?":                                    headwater.ErrInvalid,
	} {
		_, err := db.ExecContext(ctx, query)
		wantCode(t, err, code)
	}
	_, err := db.ExecContext(ctx, "SELECT :word", sql.Named("word", "a"))
	wantCode(t, err, headwater.ErrInvalid)
	_, err = db.ExecContext(ctx, "SELECT ?", struct{}{})
	wantCode(t, err, headwater.ErrInvalid)
	_, err = db.ExecContext(ctx, "SELECT ?", uint64(1)<<63)
	wantCode(t, err, headwater.ErrInvalid)
	_, err = db.Driver().Open("app.db")
	wantCode(t, err, headwater.ErrUnsupported)
	conn := must(db.Conn(ctx))(t)
	defer conn.Close()
	ok(t, conn.Raw(func(conn any) error {
		if _, is := conn.(driver.QueryerContext); !is {
			return errors.New("it takes no queries")
		}
		return nil
	}))
	if countOf(t, db) != 1 {
		t.Fatal("a statement that failed left something")
	}
}
