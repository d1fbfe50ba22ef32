module github.com/headwater/headwater/bindings/go

go 1.24
