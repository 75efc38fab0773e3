"""The texts of the website in Chinese and in English.

Chinese is the default. Its words are exactly those of the original website. A browser
whose Accept-Language prefers English gets English.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

Translate = Callable[..., str]


class Language(StrEnum):
    """A language of the pages. The value is the page's `lang`."""

    CHINESE = "zh-CN"
    ENGLISH = "en"


TEXTS = {
    "site": ("空间", "Spaces"),
    "tagline": ("连接模型，即刻推理", "Inference by remote apps, live"),
    "home_title": ("全部空间", "All spaces"),
    "no_spaces": ("还没有空间。", "Spaces appear here."),
    "admin": ("管理", "Admin"),
    "log_in": ("登录", "Log in"),
    "log_out": ("退出", "Log out"),
    "register": ("注册", "Register"),
    "username": ("用户名", "User name"),
    "username_rule": ("字母、数字和下划线", "Letters, digits and underscores"),
    "password": ("密码", "Password"),
    "password_rule": ("至少 8 个字符", "At least 8 characters"),
    "no_account": ("还没有账号？", "No account yet?"),
    "have_account": ("已有账号？", "Already registered?"),
    "invalid_credentials": ("无效的凭据", "Invalid user name or password"),
    "bad_name": (
        "用户名只能包含字母、数字和下划线",
        "A user name has letters, digits and underscores only",
    ),
    "bad_password": ("密码至少需要 8 个字符", "A password has at least 8 characters"),
    "name_taken": ("用户名已存在", "This user name is taken"),
    "connected": ("✓ 已连接", "✓ Connected"),
    "not_connected": ("✗ 未连接", "✗ Not connected"),
    "waiting": ("⏳ 等待连接", "⏳ Waiting for the app"),
    "remote_gone": ("远程服务未连接", "The remote app is not connected"),
    "unavailable": ("⏳ 服务暂时不可用", "⏳ The service is unavailable at the moment"),
    "status": ("状态", "Status"),
    "queue": ("当前队列 ({count}人):", "Queue ({count}):"),
    "queue_size": ("队列长度", "In the queue"),
    "queue_place": ("第{position}位: {user}", "No. {position}: {user}"),
    "queue_idle": ("队列空闲，无等待请求", "The queue is empty"),
    "your_place": ("您在第{position}位", "You are no. {position} in the queue"),
    "submit": ("发送推理请求", "Send the request"),
    "sending": ("正在发送…", "Sending…"),
    "new_request": ("新请求", "New request"),
    "prompt": ("提示词", "Prompt"),
    "prompt_hint": ("想让模型做什么？", "What should the model do?"),
    "audio_url": ("音频直链", "Audio link"),
    "video_file": ("视频文件", "Video file"),
    "other_file": ("其他文件", "Other file"),
    "audio_file": ("音频文件", "Audio file"),
    "requests_left": (
        "今日还可提交 {left} 次（每日 {limit} 次）",
        "Requests left today: {left} of {limit}",
    ),
    "your_requests": ("我的请求", "Your requests"),
    "no_requests": ("结果会显示在这里。", "Results appear here."),
    "log_in_to_submit": ("后即可提交请求。", "to send a request."),
    "state_queued": ("排队中", "Queued"),
    "state_processing": ("处理中", "Processing"),
    "state_completed": ("已完成", "Completed"),
    "state_failed": ("失败", "Failed"),
    "failed": ("请求处理失败", "The request failed"),
    "timed_out": ("请求超时（2分钟）", "The request timed out (2 minutes)"),
    "no_answer": ("网站没有响应，请重试。", "The website does not answer. Please try again."),
    "details": ("详细信息", "Details"),
    "start_app": ("启动远程应用：", "Start the remote app:"),
    "spaces": ("空间", "Spaces"),
    "users": ("用户", "Users"),
    "add_space": ("添加空间", "Add a space"),
    "edit_space": ("编辑空间", "Edit the space"),
    "save": ("保存", "Save"),
    "saved": ("已保存", "Saved"),
    "open": ("打开", "Open"),
    "edit": ("编辑", "Edit"),
    "name": ("名称", "Name"),
    "name_required": ("名称不能为空", "A name is required"),
    "description": ("简介", "Description"),
    "cover": ("封面", "Cover"),
    "cover_hint": ("图片网址，可留空", "Address of a picture, or nothing"),
    "card_type": ("类型", "Type"),
    "card_websockets": ("WebSocket 远程应用", "WebSocket, a remote app"),
    "card_standard": ("普通", "Standard"),
    "inputs": ("表单字段", "Fields of the form"),
    "enable_prompt": ("提示词", "Prompt"),
    "enable_audio": ("音频", "Audio"),
    "enable_video": ("视频", "Video"),
    "enable_file_upload": ("文件上传", "File upload"),
    "cooldown": ("请求间隔（秒）", "Seconds between two requests of a user"),
    "plan": ("套餐", "Plan"),
    "plan_standard": ("标准版", "Standard"),
    "plan_pro": ("专业版", "Pro"),
    "role_admin": ("管理员", "Admin"),
    "space_missing": ("Space 不存在", "Space not found"),
    "page_missing": ("页面不存在", "Page not found"),
    "plan_missing": ("套餐或用户不存在", "Plan or user not found"),
    "back_home": ("返回首页", "Back to all spaces"),
    "file_missing": ("文件不存在", "File not found"),
    "only_apps": ("此空间不接受推理请求。", "This space does not take requests."),
    # The errors of the API.
    "not_logged_in": ("未登录", "You are not logged in"),
    "wrong_space": ("Space 未找到或类型不正确", "Space not found, or it does not take requests"),
    "no_app": ("远程应用未连接", "The remote app is not connected"),
    "too_soon": ("请求过于频繁，请在 {seconds} 秒后重试", "Too soon: try again in {seconds} s"),
    "audio_missing": ("缺少音频直链", "The audio link is missing"),
    "nothing_asked": ("缺少提示词", "The request is empty"),
    "bad_form": ("无法读取表单", "The form cannot be read"),
}
"""Chinese and English by name. `translate` fills in `{…}`."""


def choose(accept_language: str | None) -> Language:
    """The language that the header prefers, or Chinese."""
    best, best_weight = Language.CHINESE, 0.0
    for item in (accept_language or "").split(","):
        tag, _, parameters = item.strip().partition(";")
        primary = tag.strip().lower().split("-")[0]
        weight = _weight(parameters)
        if primary in {"zh", "en"} and weight > best_weight:
            best = Language.ENGLISH if primary == "en" else Language.CHINESE
            best_weight = weight
    return best


def translator(language: Language) -> Translate:
    """A function that returns texts in one language."""
    column = 1 if language is Language.ENGLISH else 0

    def translate(name: str, **values: object) -> str:
        return TEXTS[name][column].format(**values) if values else TEXTS[name][column]

    return translate


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
