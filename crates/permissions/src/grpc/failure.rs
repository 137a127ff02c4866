//! Errors as gRPC and Connect tell them: the status that goes with that of REST, and the reason as a detail.

use buffa::encoding::{Tag, WireType};
use connectrpc::{ConnectError, ErrorCode, ErrorDetail};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::failure::Failure;

/// What the wire shows of a failure.
pub(super) fn refusal(failure: Failure) -> ConnectError {
    let error = failure.into_api();
    let code = match error.status {
        400 | 413 => ErrorCode::InvalidArgument,
        403 => ErrorCode::PermissionDenied,
        404 => ErrorCode::NotFound,
        408 => ErrorCode::DeadlineExceeded,
        410 => ErrorCode::OutOfRange,
        409 => ErrorCode::Aborted,
        412 | 422 => ErrorCode::FailedPrecondition,
        503 => ErrorCode::Unavailable,
        _ => ErrorCode::Internal,
    };
    let refusal = ConnectError::new(code, error.message.clone());
    match &error.reason {
        Some(reason) => refusal.with_detail(error_info(reason)),
        None => refusal,
    }
}

/// 400 in the words given.
pub(super) fn invalid(message: &str) -> ConnectError {
    refusal(Failure::bad_request(message))
}

/// A `google.rpc.ErrorInfo` whose field 1 is the reason.
fn error_info(reason: &str) -> ErrorDetail {
    let mut message = Vec::with_capacity(reason.len() + 4);
    Tag::new(1, WireType::LengthDelimited).encode(&mut message);
    buffa::types::encode_string(reason, &mut message);
    ErrorDetail {
        type_url: "google.rpc.ErrorInfo".to_owned(),
        value: Some(STANDARD_NO_PAD.encode(message)),
        debug: None,
    }
}
