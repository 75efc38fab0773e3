use super::*;

fn body(data: &str) -> String {
    parse(data.as_bytes()).0.unwrap().body
}

#[test]
fn requests_keep_each_value_digit_for_digit() {
    for (data, expected) in [
        (
            r#"{"prompt":"a\u00e9","system":"b"}"#,
            r#"{"model":"gpt-4o-mini","messages":[{"role":"system","content":"b"},{"role":"user","content":"a\u00e9"}],"stream":true}"#,
        ),
        (
            r#"{"messages":[ {"role":"user","content":[{"x":1.0}]} ],"prompt":"p","model":"m","temperature":0.70,"max_tokens":5,"user_id":7,"other":1}"#,
            r#"{"model":"m","messages":[ {"role":"user","content":[{"x":1.0}]} ],"max_tokens":5,"temperature":0.70,"user":7,"stream":true}"#,
        ),
        (
            r#"{"prompt":"p","user_id":"u-7"}"#,
            r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"p"}],"user":"u-7","stream":true}"#,
        ),
        (
            r#"{"prompt":"p","messages":[],"user_id":null,"body":{"seed":9007199254740993,"stream":false,"model":"n"}}"#,
            r#"{"model":"n","messages":[{"role":"user","content":"p"}],"seed":9007199254740993,"stream":true}"#,
        ),
    ] {
        assert_eq!(body(data), expected);
    }
}

#[test]
fn an_error_names_the_wrong_field() {
    for (data, expected) in [
        ("", "expected a JSON object"),
        ("\0", "expected a JSON object"),
        ("[]", "expected a JSON object"),
        ("{}", "expected prompt or messages"),
        (r#"{"prompt":"a","user_id":[7]}"#, "user_id: expected a string or a number"),
        (r#"{"prompt":1}"#, "prompt: expected a string"),
        (r#"{"prompt":"a","prompt":"b"}"#, "\"prompt\" twice"),
        (r#"{"prompt":"a","max_tokens":1.5}"#, "max_tokens: expected an integer"),
        (r#"{"prompt":"a","temperature":"0"}"#, "temperature: expected a number"),
        (r#"{"prompt":"a","body":[]}"#, "body: expected an object"),
        (r#"{"prompt":"a","test_pattern":"b\r\nc"}"#, "test_pattern"),
        (r#"{"prompt":"a","request_id":"b\u0000"}"#, "request_id"),
        (r#"{"prompt":"a","response_headers":"b"}"#, "response_headers"),
        (r#"{"messages":["a"]}"#, "messages[0]: expected an object"),
        (r#"{"messages":[{"content":"a"}]}"#, "messages[0]: expected a role"),
        (r#"{"messages":[{"role":"user","content":["a"]}]}"#, "messages[0]: content"),
    ] {
        let wrong = parse(data.as_bytes()).0.unwrap_err();
        assert!(wrong.contains(expected), "{data}: {wrong}");
    }
    assert!(parse(b"{\"prompt\":\"\xff\"}").0.unwrap_err().contains("UTF-8"));
}

#[test]
fn only_valid_response_headers_are_kept() {
    let (_, headers) = parse(
        br#"{"prompt":"a","response_headers":{"X-A":"1","content-TYPE":"b","X-Accel-Buffering":"yes",
        "X B":"c","X-C":"d\r\ne","X-D":1,"X-E":"\u00e9"}}"#,
    );
    let expected = [("X-A", "1"), ("X-E", "é")];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn headers_are_returned_with_an_error_too() {
    let (job, headers) = parse(br#"{"response_headers":{"X-A":"1"}}"#);
    assert!(job.is_err() && headers.len() == 1);
}

#[test]
fn headers_for_the_api_may_be_any_text() {
    let job = parse(r#"{"prompt":"a","test_pattern":"é","request_id":""}"#.as_bytes()).0.unwrap();
    assert_eq!(job.test_pattern.unwrap().as_bytes(), "é".as_bytes());
    assert!(job.request_id.is_none());
}
