#!/bin/sh
# SeaweedFS as an S3 server with one key, and a bucket that is there from the start.
set -eu
secret=$(cat "$SECRET_KEY_FILE")
umask 077
cat >/tmp/s3.json <<END
{"identities": [{"name": "s2convscn", "credentials": [{"accessKey": "$ACCESS_KEY_ID", "secretKey": "$secret"}],
  "actions": ["Admin", "Read", "Write", "List"]}]}
END
(until echo "s3.bucket.create -name $BUCKET" | weed shell -master=localhost:9333 | grep -q "$BUCKET"; do sleep 1; done) &
exec weed server -dir=/data -filer -s3 -s3.port=8333 -s3.config=/tmp/s3.json -s3.port.iceberg=0 -s3.port.lance=0
