vcl 4.1;

backend mirror {
    .host = "127.0.0.1";
    .port = "8000";
}

sub vcl_recv {
    if (req.url ~ "^/ptrack/") {
        # Varnish doesn't look it up in its cache: two readers of one mail are two
        # requests, and neither waits for the other.
        set req.backend_hint = mirror;
        return (pass);
    }
}
