-- What devices reported. Times are milliseconds since 1970, in UTC; a report that comes again replaces itself.

CREATE TABLE details (
    device_id TEXT NOT NULL,
    time BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    customer_name TEXT NOT NULL,
    model TEXT NOT NULL,
    firmware TEXT NOT NULL,
    PRIMARY KEY (device_id, time)
);

CREATE TABLE heartbeats (
    device_id TEXT NOT NULL,
    time BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    customer_name TEXT NOT NULL,
    battery_percent BIGINT NOT NULL,
    PRIMARY KEY (device_id, time)
);
