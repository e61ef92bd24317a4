//! Columns that come, go and widen; names as they are.

use crate::Fixture;

#[tokio::test]
async fn a_widened_column_is_what_the_text_says() {
    // Leading zeros are text, a number that became text is spelled as it was.
    let fixture = Fixture::of(&["v\n1.50\n007.25\n", "v\nn/k\n"]);
    fixture.check("SELECT v FROM t ORDER BY v", &["007.25", "1.50", "n/k"]).await;
    let fixture = Fixture::of(&["v\n1\n2\n", "v\n2.50\n", "v\nmany\n"]);
    fixture.check("SELECT v FROM t ORDER BY v", &["1", "2", "2.50", "many"]).await;
    fixture.check("SELECT count(*) FROM t WHERE v = '2'", &["1"]).await;
    let entry = fixture.log.take().pop().unwrap();
    assert_eq!((entry.plain, entry.reread), (0, 2), "the last segment holds no '2'");
}

#[tokio::test]
async fn values_that_a_narrow_type_rejected() {
    // One field in a thousand does not fit; it is NULL until the column can hold it.
    let mut first = String::from("v,k\n");
    (0..2000).for_each(|n| first += &format!("{n},a\n"));
    first += "many,b\n";
    let fixture = Fixture::of(&[&first]);
    fixture.check("SELECT count(*), count(v) FROM t", &["2001|2000"]).await;
    fixture.append("v,k\nfew,c\nsome,c\n");
    fixture.check("SELECT v FROM t WHERE k = 'b'", &["many"]).await;
    fixture.check("SELECT count(v) FROM t WHERE v = 'many'", &["1"]).await;
}

#[tokio::test]
async fn columns_that_come_later_are_null_before() {
    let fixture = Fixture::of(&["a\n1\n2\n", "a,b\n3,x\n"]);
    fixture.check("SELECT a, b FROM t ORDER BY a", &["1|", "2|", "3|x"]).await;
    fixture.check("SELECT count(*), count(b) FROM t", &["3|1"]).await;
    fixture.check("SELECT a FROM t WHERE b IS NULL ORDER BY a", &["1", "2"]).await;
    fixture.check("SELECT a FROM t WHERE b = 'x'", &["3"]).await;
}

#[tokio::test]
async fn names_are_case_sensitive() {
    let fixture = Fixture::of(&["Price,Qty,a b,_row\n1,2,3,4\n"]);
    fixture.check("SELECT Price, Qty, \"a_b\", _row FROM t", &["1|2|3|4"]).await;
    fixture.fails("SELECT price FROM t", "price").await;
}
