"""Sources that are objects: buckets (`s3://`, `gs://`, `az://`) and files on web servers."""
