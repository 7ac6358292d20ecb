package api

import _ "embed"

//go:embed openapi.json
var description []byte

// Description returns openapi.json.
func Description() []byte { return description }

func (a *API) describe(*exchange) (any, error) { return download{raw: description}, nil }
