package session_test

import (
	"reflect"

	"belay/session"
)

// withClient returns the act with its client set, where it names one.
func withClient(act session.Act, client session.SeatID) session.Act {
	v := reflect.New(reflect.TypeOf(act)).Elem()
	v.Set(reflect.ValueOf(act))
	if v.Kind() == reflect.Struct {
		if f := v.FieldByName("Client"); f.IsValid() {
			f.Set(reflect.ValueOf(client))
		}
	}
	return v.Interface()
}
