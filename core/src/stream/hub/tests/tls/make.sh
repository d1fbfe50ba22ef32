#!/bin/sh
# Makes the certificates of this directory anew: an authority, a server of 127.0.0.1, a client, a server whose
# certificate has expired, and another authority that signed nothing. They guard nothing and are for tests alone.
set -eu
cd "$(dirname "$0")"
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1-key.pem"; }
authority() {
    key "$1"
    openssl req -x509 -new -key "$1-key.pem" -subj "/CN=Headwater tests, $1" -days 36500 -out "$1.pem" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
}
signed() { # name, use, first day, last day
    key "$1"
    openssl req -new -key "$1-key.pem" -subj "/CN=$1" -out "$1.csr"
    printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=%s\nbasicConstraints=CA:FALSE\n' "$2" >ext
    rm -rf ca && mkdir ca && : >ca/index.txt && openssl rand -hex 8 >ca/serial
    printf '[ca]\ndefault_ca=d\n[p]\ncommonName=supplied\n[d]\ndatabase=ca/index.txt\n' >ca.conf
    printf 'serial=ca/serial\nnew_certs_dir=ca\ndefault_md=sha256\n' >>ca.conf
    openssl ca -batch -notext -config ca.conf -policy p -cert authority.pem -keyfile authority-key.pem -in "$1.csr" \
        -out "$1.pem" -startdate "$3" -enddate "$4" -extfile ext
    rm -rf "$1.csr" ext ca ca.conf
}
authority authority
authority stranger
signed server serverAuth 20200101000000Z 21200101000000Z
signed client clientAuth 20200101000000Z 21200101000000Z
signed expired serverAuth 20200101000000Z 20200201000000Z
rm authority-key.pem stranger-key.pem
