-- Queries that AT1 and DuckDB must answer alike. Each begins with a line `-- name: …` and names its tables by their names.
-- In the manner of ClickBench: counts, groups, the largest groups, words; and of TPC-H, as far as two tables go.

-- name: flights 1 count
SELECT count(*) AS n FROM flights;
-- name: flights 2 bounds
SELECT min(time_hour) AS a, max(time_hour) AS b, min(distance) AS c, max(distance) AS d FROM flights;
-- name: flights 3 by carrier
SELECT carrier, count(*) AS n, avg(dep_delay) AS late, max(arr_delay) AS worst FROM flights GROUP BY carrier ORDER BY carrier;
-- name: flights 4 busiest routes
SELECT origin, dest, count(*) AS n FROM flights GROUP BY origin, dest ORDER BY n DESC, origin, dest LIMIT 20;
-- name: flights 5 a month
SELECT day, count(*) AS n, sum(distance) AS miles FROM flights WHERE month = 7 GROUP BY day ORDER BY day;
-- name: flights 6 nulls
SELECT count(*) AS n, count(dep_time) AS left_at_all, count(*) - count(arr_time) AS never_came FROM flights;
-- name: flights 7 distinct
SELECT count(DISTINCT tailnum) AS planes, count(DISTINCT dest) AS places FROM flights;
-- name: flights 8 words
SELECT tailnum, count(*) AS n FROM flights WHERE tailnum LIKE 'N1%' GROUP BY tailnum ORDER BY n DESC, tailnum LIMIT 10;
-- name: flights 9 selective
SELECT carrier, flight, dep_delay FROM flights WHERE dep_delay > 600 ORDER BY dep_delay DESC, carrier, flight;
-- name: flights 10 hours
SELECT date_trunc('month', time_hour) AS month, origin, avg(arr_delay) AS late FROM flights WHERE arr_delay IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2;
-- name: flights 11 window
SELECT carrier, month, n FROM (SELECT carrier, month, count(*) AS n, row_number() OVER (PARTITION BY carrier ORDER BY count(*) DESC, month) AS place FROM flights GROUP BY carrier, month) AS ranked WHERE place = 1 ORDER BY carrier;
-- name: flights 12 join with itself
SELECT a.carrier, count(*) AS n FROM flights AS a JOIN flights AS b ON a.tailnum = b.tailnum AND a.time_hour = b.time_hour WHERE a.month = 1 AND b.month = 1 AND a.day = 5 AND b.day = 5 GROUP BY a.carrier ORDER BY a.carrier;

-- name: trades 1 count
SELECT count(*) AS n, min(ts) AS a, max(ts) AS b FROM trades;
-- name: trades 2 turnover
SELECT symbol, count(*) AS n, sum(price * qty) AS turnover FROM trades GROUP BY symbol ORDER BY symbol;
-- name: trades 3 sides
SELECT symbol, side, avg(price) AS mean, min(price) AS low, max(price) AS high FROM trades GROUP BY symbol, side ORDER BY symbol, side;
-- name: trades 4 venues
SELECT venue, count(*) AS n, sum(qty) AS qty FROM trades WHERE side = 'buy' GROUP BY venue ORDER BY venue;
-- name: trades 5 largest
SELECT trade_id, symbol, price, qty FROM trades ORDER BY price * qty DESC, trade_id LIMIT 20;
-- name: trades 6 one
SELECT * FROM trades WHERE trade_id = 777;
-- name: trades 7 minutes
SELECT date_trunc('minute', ts) AS minute, count(*) AS n, max(price) - min(price) AS span FROM trades WHERE symbol = 'BTC' GROUP BY 1 ORDER BY 1 LIMIT 50;
-- name: trades 8 stretch of time
SELECT symbol, count(*) AS n, sum(qty) AS qty FROM trades WHERE ts >= (SELECT min(ts) FROM trades) AND ts < (SELECT min(ts) FROM trades) + INTERVAL '1 minute' GROUP BY symbol ORDER BY symbol;
-- name: trades 9 first and last
SELECT symbol, price, qty FROM (SELECT symbol, price, qty, row_number() OVER (PARTITION BY symbol ORDER BY ts, trade_id) AS k FROM trades) AS numbered WHERE k = 1 ORDER BY symbol;

-- name: connections 1 labels
SELECT c41 AS label, count(*) AS n FROM connections GROUP BY c41 ORDER BY n DESC, label;
-- name: connections 2 services
SELECT c2 AS service, count(*) AS n, sum(c4) AS sent, sum(c5) AS got FROM connections WHERE c1 = 'tcp' GROUP BY c2 ORDER BY sent DESC, service LIMIT 15;
-- name: connections 3 wide
SELECT sum(c4) AS a, sum(c5) AS b, sum(c22) AS c, sum(c23) AS d, avg(c24) AS e, avg(c28) AS f, avg(c33) AS g, max(c0) AS h FROM connections;
-- name: connections 4 normal ones
SELECT c1 AS protocol, c3 AS flag, count(*) AS n FROM connections WHERE c41 = 'normal.' GROUP BY c1, c3 ORDER BY n DESC, protocol, flag;
-- name: connections 5 long ones
SELECT c0 AS seconds, c1, c2, c41 FROM connections WHERE c0 > 40000 ORDER BY c0 DESC, c4, c5, c41 LIMIT 30;
-- name: connections 6 distinct
SELECT count(DISTINCT c2) AS services, count(DISTINCT c3) AS flags, count(DISTINCT c4) AS sizes FROM connections;
-- name: connections 7 share of errors
SELECT c2 AS service, avg(c24) AS serror, avg(c26) AS rerror FROM connections WHERE c24 > 0.5 OR c26 > 0.5 GROUP BY c2 ORDER BY service;

-- name: tpch 1 pricing summary
SELECT l_returnflag, l_linestatus, sum(l_quantity) AS sum_qty, sum(l_extendedprice) AS sum_base_price, sum(l_extendedprice * (1 - l_discount)) AS sum_disc_price, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge, avg(l_quantity) AS avg_qty, avg(l_extendedprice) AS avg_price, avg(l_discount) AS avg_disc, count(*) AS count_order FROM lineitem WHERE l_shipdate <= DATE '1998-12-01' - INTERVAL '90 days' GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus;
-- name: tpch 3 shipping priority
SELECT l_orderkey, sum(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate, o_shippriority FROM orders, lineitem WHERE l_orderkey = o_orderkey AND o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15' GROUP BY l_orderkey, o_orderdate, o_shippriority ORDER BY revenue DESC, o_orderdate, l_orderkey LIMIT 10;
-- name: tpch 4 order priority
SELECT o_orderpriority, count(*) AS order_count FROM orders WHERE o_orderdate >= DATE '1993-07-01' AND o_orderdate < DATE '1993-10-01' AND EXISTS (SELECT * FROM lineitem WHERE l_orderkey = o_orderkey AND l_commitdate < l_receiptdate) GROUP BY o_orderpriority ORDER BY o_orderpriority;
-- name: tpch 6 forecasting revenue
SELECT sum(l_extendedprice * l_discount) AS revenue FROM lineitem WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24;
-- name: tpch 12 shipping modes
SELECT l_shipmode, sum(CASE WHEN o_orderpriority = '1-URGENT' OR o_orderpriority = '2-HIGH' THEN 1 ELSE 0 END) AS high, sum(CASE WHEN o_orderpriority <> '1-URGENT' AND o_orderpriority <> '2-HIGH' THEN 1 ELSE 0 END) AS low FROM orders, lineitem WHERE o_orderkey = l_orderkey AND l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate AND l_shipdate < l_commitdate AND l_receiptdate >= DATE '1994-01-01' AND l_receiptdate < DATE '1995-01-01' GROUP BY l_shipmode ORDER BY l_shipmode;
-- name: tpch 15 suppliers
SELECT l_suppkey, sum(l_extendedprice * (1 - l_discount)) AS revenue FROM lineitem WHERE l_shipdate >= DATE '1996-01-01' AND l_shipdate < DATE '1996-04-01' GROUP BY l_suppkey ORDER BY revenue DESC, l_suppkey LIMIT 10;
-- name: tpch 18 large orders
SELECT o_orderkey, o_custkey, o_orderdate, o_totalprice, sum(l_quantity) AS qty FROM orders, lineitem WHERE o_orderkey IN (SELECT l_orderkey FROM lineitem GROUP BY l_orderkey HAVING sum(l_quantity) > 250) AND o_orderkey = l_orderkey GROUP BY o_orderkey, o_custkey, o_orderdate, o_totalprice ORDER BY o_totalprice DESC, o_orderdate, o_orderkey LIMIT 100;
-- name: tpch a one order
SELECT * FROM lineitem WHERE l_orderkey = 1127 ORDER BY l_linenumber;
-- name: tpch b words
SELECT count(*) AS n FROM orders WHERE o_comment LIKE '%special%requests%';
-- name: tpch c years
SELECT date_trunc('year', o_orderdate) AS year, o_orderstatus, count(*) AS n, sum(o_totalprice) AS total FROM orders GROUP BY 1, 2 ORDER BY 1, 2;
