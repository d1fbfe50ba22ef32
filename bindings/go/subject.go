package headwater

// #include "shim.h"
import "C"

// Matches tells whether a literal subject is taken by a filter; [ErrInvalid] when either is malformed.
func Matches(filter, subject string) (bool, error) {
	var matches C.bool
	var failed *C.hw_error
	filterData, filterLen := text(filter)
	subjectData, subjectLen := text(subject)
	status := C.hw_subject_matches(filterData, filterLen, subjectData, subjectLen, &matches, &failed)
	return bool(matches), failure(status, failed)
}

// EncodeToken turns any text into one subject token, reversibly.
func EncodeToken(key string) (string, error) {
	var list *C.hw_strings
	var failed *C.hw_error
	data, size := text(key)
	return onlyString(C.hw_subject_encode_token(data, size, &list, &failed), failed, &list)
}

// DecodeToken is the text that [EncodeToken] turned into this token; [ErrInvalid] when nothing encodes to it.
func DecodeToken(token string) (string, error) {
	var list *C.hw_strings
	var failed *C.hw_error
	data, size := text(token)
	return onlyString(C.hw_subject_decode_token(data, size, &list, &failed), failed, &list)
}

func onlyString(status C.hw_status, failed *C.hw_error, list **C.hw_strings) (string, error) {
	if err := failure(status, failed); err != nil {
		return "", err
	}
	texts, _, err := takeStrings(*list)
	if err != nil {
		return "", err
	}
	return texts[0], nil
}
