module github.com/headwater/headwater/examples/go

go 1.24

require github.com/headwater/headwater/bindings/go v0.1.0

replace github.com/headwater/headwater/bindings/go => ../../bindings/go
